package conf

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func explained(t *testing.T, options map[string]string) []Block {
	t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile("testdata/print/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	h := checked(map[string]string{"/c/s.conf": read("main.conf"), "/c/d/more.conf": read("more.conf")})
	h.Environ = append(h.Environ, "DB_PASSWORD=hunter2hunter2", "PIN_SECRET=12", "REGION=eu")
	r, err := Read("/c/s.conf", h)
	if err != nil {
		t.Fatal(err)
	}
	return r.Explain(options)
}

func blocksJSON(blocks []Block) string {
	var out strings.Builder
	WriteBlocksJSON(&out, blocks) // a Builder takes everything
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = "testdata/print/" + name
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is no longer what is printed; got\n%s", name, got)
	}
}

func TestWhatIsInEffectIsPrinted(t *testing.T) {
	blocks := explained(t, map[string]string{"loglevel": "-e"})
	var out strings.Builder
	if err := WriteBlocks(&out, blocks); err != nil {
		t.Fatal(err)
	}
	golden(t, "effective.txt", out.String())
	golden(t, "effective.json", blocksJSON(SelectBlocks(blocks, "web:web_1")))
}

func TestNoSecretIsPrinted(t *testing.T) {
	blocks := explained(t, nil)
	text := blocksJSON(blocks)
	for _, secret := range []string{"hunter2", "s3cr3t", "swordfish", "tokentoken", `"12"`, "-12-"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s was printed:\n%s", secret, text)
		}
	}
	if WriteBlocks(brokenWriter{}, blocks) == nil || WriteBlocksJSON(brokenWriter{}, blocks) == nil {
		t.Error("a writer that is full is no error")
	}
}

func TestSelectBlocks(t *testing.T) {
	blocks := explained(t, nil)
	for name, want := range map[string][]string{
		"supervisord":        {"supervisord "},
		"unix_http_server":   {"unix_http_server "},
		"program:web":        {"program:web web:web_0", "program:web web:web_1"},
		"web":                {"program:web web:web_0", "program:web web:web_1"},
		"web:*":              {"program:web web:web_0", "program:web web:web_1"},
		"web:":               {"program:web web:web_0", "program:web web:web_1"},
		"web_0":              {"program:web web:web_0"},
		"web:web_1":          {"program:web web:web_1"},
		"jobs":               {"group:jobs ", "fcgi-program:php jobs:php"},
		"group:jobs":         {"group:jobs "},
		"eventlistener:mail": {"eventlistener:mail ", "eventlistener:mail mail:mail"},
		"nobody":             nil,
		"":                   nil,
	} {
		var got []string
		for _, b := range SelectBlocks(blocks, name) {
			got = append(got, b.Section+" "+b.Process)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q selects %q, want %q", name, got, want)
		}
	}
	if got := blocksJSON(nil); got != "[]\n" {
		t.Errorf("nothing is %q", got)
	}
}

func TestBlocksCanBeReadBack(t *testing.T) {
	blocks := explained(t, nil)
	var back []Block
	if err := json.Unmarshal([]byte(blocksJSON(blocks)), &back); err != nil || len(back) != len(blocks) {
		t.Errorf("%d blocks became %d (%v)", len(blocks), len(back), err)
	}
}
