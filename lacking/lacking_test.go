package lacking

import (
	"fmt"
	"testing"
)

// recorder is a test that goes on after its end.
type recorder struct {
	testing.TB
	failed, skipped string
}

func (r *recorder) Helper()                        {}
func (r *recorder) Fatalf(format string, a ...any) { r.failed = fmt.Sprintf(format, a...) }
func (r *recorder) Skip(a ...any)                  { r.skipped = fmt.Sprint(a...) }

func TestNothingIsSkippedWhereEverythingIsThere(t *testing.T) {
	for ci, want := range map[string]recorder{
		"":     {skipped: "no cat"},
		"1":    {skipped: "no cat"},
		"true": {failed: "nothing may be skipped with CI=true: no cat", skipped: "no cat"},
	} {
		t.Setenv("CI", ci)
		var got recorder
		Skip(&got, "no cat")
		if got != want {
			t.Errorf("CI=%s: got %+v, want %+v", ci, got, want)
		}
	}
}
