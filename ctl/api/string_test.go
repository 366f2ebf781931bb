package api

import (
	"encoding/json"
	"testing"
)

func FuzzUnmarshalString(f *testing.F) {
	for _, seed := range []string{`"3.0"`, ` "a\u00e9\n" `, `"`, `"\x"`, "\"\xff\"", `null`, `1`, `"a" "b"`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want string
		wantErr := json.Unmarshal(text, &want)
		got, err := UnmarshalString(text)
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("%q: got %q, %v, want %q, %v", text, got, err, want, wantErr)
		}
	})
}
