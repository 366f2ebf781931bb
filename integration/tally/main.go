// Command tally reads what go test -json writes, shows what a person wants to
// see of it, and counts. With -sum it adds up what several runs have left in a
// directory. Its exit status is 1 when a test failed, or, with CI=true, when one
// was skipped.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	name := flag.String("name", "tests", "what the counts are called")
	out := flag.String("o", "", "file for the counts")
	sum := flag.String("sum", "", "directory of counts to add up")
	flag.Parse()
	good, err := run(*name, *out, *sum, os.Getenv("CI") == "true")
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
	}
	if err != nil || !good {
		os.Exit(1)
	}
}

// run tells whether all is well. The counts are the last line that it prints.
func run(name, out, sum string, strict bool) (good bool, err error) {
	if sum != "" {
		c, err := addUp(sum)
		if err != nil {
			return false, err
		}
		fmt.Println(c)
		return c.good(strict), nil
	}
	c, err := read(os.Stdin, os.Stdout)
	if err != nil {
		return false, err
	}
	fmt.Printf("%s: %v\n", name, c)
	if out != "" {
		line := fmt.Sprintf("%s %d %d %d\n", name, c.passed, c.failed, c.skipped)
		err = os.WriteFile(out, []byte(line), 0o644)
	}
	return c.good(strict), err
}

// counts is how many tests ended in which way.
type counts struct{ passed, failed, skipped int }

func (c counts) String() string {
	text := fmt.Sprintf("%d passed, %d failed", c.passed, c.failed)
	if c.skipped > 0 {
		text += fmt.Sprintf(", %d skipped", c.skipped)
	}
	return text
}

// good tells whether something was tested, and nothing failed, nor, when that
// is asked for, was left out.
func (c counts) good(strict bool) bool {
	return c.passed > 0 && c.failed == 0 && !(strict && c.skipped > 0)
}

// event is one line of go test -json.
type event struct {
	Action     string
	Package    string
	ImportPath string // instead of Package in the output of a build
	Test       string
	Elapsed    float64
	Output     string
}

// record is what is known of a package, or of a test in it, while it runs.
type record struct {
	output []string
	failed int // tests in it, for a package
	tests  int
}

// read counts every test and subtest, and writes a line for each package, and
// all that was written by a failed test, and the last words of a skipped one.
func read(r io.Reader, w io.Writer) (counts, error) {
	var c counts
	running := make(map[[2]string]*record)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				fmt.Fprintln(w, strings.TrimRight(line, "\n")) // not from go test
			} else {
				c.add(e, running, w)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return c, err
		}
	}
	for key := range running {
		if key[1] == "" { // a package that never said how it ended
			fmt.Fprintf(w, "FAIL %s (did not end)\n", key[0])
			c.failed++
		}
	}
	return c, nil
}

// add takes one event into account.
func (c *counts) add(e event, running map[[2]string]*record, w io.Writer) {
	if e.Action == "build-output" {
		fmt.Fprint(w, e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	pkg, key := entry(running, [2]string{e.Package}), [2]string{e.Package, e.Test}
	this := entry(running, key)
	switch e.Action {
	case "output":
		this.output = append(this.output, e.Output)
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	delete(running, key)
	if e.Test == "" {
		c.endPackage(e, this, w)
		return
	}
	pkg.tests++
	switch e.Action {
	case "pass":
		c.passed++
	case "fail":
		c.failed++
		pkg.failed++
		fmt.Fprintf(w, "FAIL %s %s\n%s", e.Package, e.Test, strings.Join(this.output, ""))
	case "skip":
		c.skipped++
		fmt.Fprintf(w, "SKIP %s %s\n%s", e.Package, e.Test, strings.Join(this.output, ""))
	}
}

// endPackage closes a package. One that fails without a failed test did not
// build, crashed, or ran out of time.
func (c *counts) endPackage(e event, pkg *record, w io.Writer) {
	word := "ok  "
	if e.Action == "fail" {
		word = "FAIL"
		if pkg.failed == 0 {
			c.failed++
			fmt.Fprint(w, strings.Join(pkg.output, ""))
		}
	}
	if pkg.tests > 0 || e.Action == "fail" {
		fmt.Fprintf(w, "%s %s (%d tests, %.1fs)\n", word, e.Package, pkg.tests, e.Elapsed)
	}
}

func entry(running map[[2]string]*record, key [2]string) *record {
	r := running[key]
	if r == nil {
		r = new(record)
		running[key] = r
	}
	return r
}

// addUp reads every file of the directory: a name and three numbers.
func addUp(dir string) (counts, error) {
	var total counts
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return total, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return total, err
		}
		var name string
		var c counts
		if _, err := fmt.Sscan(string(text), &name, &c.passed, &c.failed, &c.skipped); err != nil {
			return total, fmt.Errorf("%s: %v", path, err)
		}
		total.passed += c.passed
		total.failed += c.failed
		total.skipped += c.skipped
	}
	return total, nil
}
