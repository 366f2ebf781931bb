package daemon

import (
	"fmt"
	"io"
	"strings"

	"gosupervisor/conf"
)

// inspection is what the command line asks to be told of the configuration.
// Nothing is started then, and nothing touched.
type inspection struct {
	check, print, json, upstream bool

	name string // what to print, "" for everything
}

func (i *inspection) wanted() bool { return i.check || i.print }

// take reads an option.
func (i *inspection) take(opt conf.Opt) error {
	switch opt.Flag {
	case "--check":
		i.check = true
	case "--json":
		i.json = true
	case "--print-config":
		i.print = true
	case "--lint":
		if opt.Value != "upstream" {
			return fmt.Errorf("invalid value for --lint %s: only upstream is known", conf.Repr(opt.Value))
		}
		i.upstream = true
	}
	return nil
}

// validate refuses options that mean nothing together.
func (i *inspection) validate() error {
	switch {
	case i.check && i.print:
		return fmt.Errorf("--check and --print-config cannot be given together")
	case i.upstream && !i.check:
		return fmt.Errorf("--lint needs --check")
	case i.json && !i.wanted():
		return fmt.Errorf("--json needs --check or --print-config")
	}
	return nil
}

// The exit codes of a check.
const (
	exitGood     = 0
	exitErrors   = 1
	exitWarnings = 2
)

// inspect does what was asked instead of starting, and returns the exit code.
func (d *daemon) inspect(out io.Writer) int {
	if d.opts.inspect.check {
		return d.check(out)
	}
	return d.printConfig(out)
}

func (d *daemon) check(out io.Writer) int {
	check := conf.Check
	if d.opts.inspect.upstream {
		check = conf.CheckUpstream
	}
	findings := check(d.path, d.host(getentAlone))
	var errors, warnings int
	var lines strings.Builder
	for _, f := range findings {
		switch f.Severity {
		case conf.SeverityError:
			errors++
		case conf.SeverityWarning:
			warnings++
		}
		lines.WriteString(f.String() + "\n")
	}
	report := []byte(lines.String())
	if d.opts.inspect.json {
		report = conf.FindingsJSON(findings)
	}
	if _, err := out.Write(report); err != nil {
		return exitErrors
	}
	if !d.opts.inspect.json {
		fmt.Fprintf(legible(d.stderr), "%s: %s\n", d.path, summary(errors, warnings))
	}
	switch {
	case errors > 0:
		return exitErrors
	case warnings > 0:
		return exitWarnings
	}
	return exitGood
}

func summary(errors, warnings int) string {
	if errors+warnings == 0 {
		return "good"
	}
	return count(errors, "error") + ", " + count(warnings, "warning")
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func (d *daemon) printConfig(out io.Writer) int {
	r, err := conf.Read(d.path, d.host(getentAlone))
	if err != nil {
		return d.usage(err)
	}
	d.opts.apply(r.Config)
	blocks := r.Explain(d.opts.given)
	if name := d.opts.inspect.name; name != "" {
		if blocks = conf.SelectBlocks(blocks, name); blocks == nil {
			return d.usage(fmt.Errorf("no section, group or process is named %s", conf.Repr(name)))
		}
	}
	write := conf.WriteBlocks
	if d.opts.inspect.json {
		write = conf.WriteBlocksJSON
	}
	if write(out, blocks) != nil {
		return exitErrors
	}
	return exitGood
}
