package ctl

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestFlagsAreTakenOutOfAnArgument(t *testing.T) {
	known := []flag{
		{name: "follow", short: "f", help: "x"},
		{name: "lines", short: "n", value: "N", parse: parseCount, help: "x"},
		{name: "for", value: "STATE", parse: oneOf("running", "stopped"), help: "x"},
		{name: "tag", value: "TEXT", help: "x"},
		timeoutFlag,
		jsonFlag,
	}
	for name, row := range map[string]struct {
		arg, rest string
		set       flagValues
	}{
		"no flags leave every blank":     {"a  b\tc", "a  b\tc", flagValues{}},
		"nothing":                        {"", "", flagValues{}},
		"a flag before":                  {"--json a b", "a b", flagValues{"json": true}},
		"a flag between":                 {"a --json b", "a b", flagValues{"json": true}},
		"a flag behind":                  {"a b --json", "a b", flagValues{"json": true}},
		"a value in the same word":       {"--tag=x=y a", "a", flagValues{"tag": "x=y"}},
		"a value in the next word":       {"--tag x a", "a", flagValues{"tag": "x"}},
		"a value that looks like a flag": {"--tag --json a", "a", flagValues{"tag": "--json"}},
		"an empty value":                 {"a --tag=", "a", flagValues{"tag": ""}},
		"the last value counts":          {"--tag=1 --tag=2", "", flagValues{"tag": "2"}},
		"a number":                       {"--lines 20", "", flagValues{"lines": 20}},
		"one of several":                 {"--for=stopped", "", flagValues{"for": "stopped"}},
		"seconds":                        {"--timeout=90", "", flagValues{"timeout": 90 * time.Second}},
		"half a second":                  {"--timeout .5", "", flagValues{"timeout": 500 * time.Millisecond}},
		"a time with units":              {"--timeout=1m30s", "", flagValues{"timeout": 90 * time.Second}},
		"a short flag":                   {"-f a", "a", flagValues{"follow": true}},
		"short flags together":           {"a -fn5", "a", flagValues{"follow": true, "lines": 5}},
		"a short flag with its value":    {"-n 5 a", "a", flagValues{"lines": 5}},
		"an end of the flags":            {"--json -- --tag -f --", "--tag -f --", flagValues{"json": true}},
		"other words with a dash":        {"-x - -5 --5 -", "-x - -5 --5 -", flagValues{}},
	} {
		rest, set, complaint, hint := cutFlags(known, false, row.arg)
		if rest != row.rest || !reflect.DeepEqual(set, row.set) || complaint != "" || hint != "" {
			t.Errorf("%s: %q: got %q, %v, %q, %q", name, row.arg, rest, set, complaint, hint)
		}
	}
	for arg, want := range map[string]string{
		"--jsn a":        "Error: bad argument --jsn|did you mean --json?",
		"--js":           "Error: bad argument --js|did you mean --json?",
		"--zzz=1":        "Error: bad argument --zzz=1|the flags here are -f, --follow, -n, --lines=N, --for=STATE, --tag=TEXT, --timeout=SECS, --json; a name that begins like one stands behind --",
		"--json=yes":     "Error: --json takes no value|",
		"--tag":          "Error: --tag needs a value|write --tag=TEXT",
		"-n":             "Error: --lines needs a value|write --lines=N",
		"-n x":           "Error: bad value 'x' of --lines|it must be a whole number, such as 20",
		"-n-1":           "Error: bad value '-1' of --lines|it must be a whole number, such as 20",
		"--for=runing":   "Error: bad value 'runing' of --for|did you mean running?",
		"--for=x":        "Error: bad value 'x' of --for|it is one of running, stopped",
		"--timeout=0":    "Error: bad value '0' of --timeout|it must be seconds or a time such as 1m30s, and more than nothing",
		"--timeout=-1s":  "Error: bad value '-1s' of --timeout|it must be seconds or a time such as 1m30s, and more than nothing",
		"--timeout=NaN":  "Error: bad value 'NaN' of --timeout|it must be seconds or a time such as 1m30s, and more than nothing",
		"--timeout=1e30": "Error: bad value '1e30' of --timeout|it must be seconds or a time such as 1m30s, and more than nothing",
		"--timeout=soon": "Error: bad value 'soon' of --timeout|it must be seconds or a time such as 1m30s, and more than nothing",
		"--jsn --fro=x":  "Error: bad argument --jsn|did you mean --json?",
		"-fx":            "Error: bad argument -x|the flags here are -f, --follow, -n, --lines=N, --for=STATE, --tag=TEXT, --timeout=SECS, --json; a name that begins like one stands behind --",
	} {
		if _, set, complaint, hint := cutFlags(known, false, "--json "+arg); complaint+"|"+hint != want || !set.on("json") {
			t.Errorf("%q: got %q, %q, want %q; set %v", arg, complaint, hint, want, set)
		}
	}
	if _, set, _, _ := cutFlags(known, false, "--nope a --json"); !set.on("json") {
		t.Error("what stands behind a mistake does not count")
	}
}

func TestNoWordWithADashIsANameToAVerbOfOurOwn(t *testing.T) {
	known := []flag{
		{name: "lines", short: "n", value: "N", parse: parseCount, help: "x"},
		{name: "follow", short: "f", help: "x"},
		jsonFlag,
	}
	const listing = "the flags here are -n, --lines=N, -f, --follow, --json; a name that begins like one stands behind --"
	for name, row := range map[string]struct{ arg, rest, complaint, hint string }{
		"a letter":                           {"-x a", "a", "Error: bad argument -x", listing},
		"letters":                            {"a -xf", "a", "Error: bad argument -xf", listing},
		"a flag with a dash too few":         {"-follow", "", "Error: bad argument -follow", "did you mean --follow?"},
		"another with a dash too few":        {"-json", "", "Error: bad argument -json", "did you mean --json?"},
		"one with a value and a typo":        {"-line=5", "", "Error: bad argument -line=5", "did you mean --lines?"},
		"a number, as tail and head have it": {"-20 a", "a", "Error: bad argument -20", "did you mean -n 20?"},
		"a number behind two dashes":         {"--5", "", "Error: bad argument --5", listing},
		"a dash alone is a name":             {"--json - a", "- a", "", ""},
		"what stands behind -- is a name":    {"-f -- -x --y -5", "-x --y -5", "", ""},
	} {
		rest, _, complaint, hint := cutFlags(known, true, row.arg)
		if rest != row.rest || complaint != row.complaint || hint != row.hint {
			t.Errorf("%s: %q: got %q, %q, %q", name, row.arg, rest, complaint, hint)
		}
	}
	if _, _, _, hint := cutFlags([]flag{jsonFlag}, true, "-5"); !strings.HasPrefix(hint, "the flags here are --json") {
		t.Errorf("-5 where no lines can be asked for: got %q", hint)
	}
}

func TestTheTableOfFlags(t *testing.T) {
	for _, v := range verbs() {
		seen := map[string]bool{}
		for _, f := range v.flags() {
			for _, form := range []string{"--" + f.name, "-" + f.short} {
				if seen[form] && form != "-" {
					t.Errorf("%s has %s twice", v.name, form)
				}
				seen[form] = true
			}
			if f.name == "" || f.help == "" || len(f.short) > 1 || strings.ContainsAny(f.name, "= ") || f.value == "" && f.parse != nil {
				t.Errorf("%s: a flag is not whole: %+v", v.name, f)
			}
			for _, word := range f.words {
				if _, err := f.parse(word); err != nil {
					t.Errorf("%s --%s: completion offers %s, which is wrong: %v", v.name, f.name, word, err)
				}
			}
		}
	}
}

// flagLines returns what help says of the flags of a verb.
func flagLines(name string) (lines string) {
	v, _ := findVerb(name)
	for _, f := range v.takes {
		lines += name + " " + f.form() + "\t" + f.help + "\n"
	}
	return lines
}

// listingOf returns the hint that names the flags of a verb.
func listingOf(name string) string {
	v, _ := findVerb(name)
	c := flagCutter{known: v.flags()}
	return c.listing()
}

func TestUnknownFlagsNameTheNearest(t *testing.T) {
	f := newFake(t, nil)
	for line, want := range map[string]outcomeOf{
		"start --tiemout=5 web": {"Error: bad argument --tiemout=5\n  did you mean --timeout?\n", "", 1},
		"status --josn":         {"Error: bad argument --josn\n  did you mean --json?\n", "", 1},
		"tail --x cat":          {"Error: bad argument --x\n  the flags here are --json, --help; a name that begins like one stands behind --\n", "", 1},
		"start -- --web":        {"--web: started\n", "", 0},
		"start -web":            {"-web: started\n", "", 0},
		"completion -x":         {"Error: bad argument -x\n  " + listingOf("completion") + "\n", "", 2},
		"why --lnies=5 web":     {"Error: bad argument --lnies=5\n  did you mean --lines?\n", "", 2},
		"events -n 5":           {"Error: bad argument -n\n  " + listingOf("events") + "\n", "", 2},
		"top -json":             {"Error: bad argument -json\n  did you mean --json?\n", "", 2},
		"metrics web":           {"Error: metrics accepts no arguments\n" + helpMetrics, "", 2},
		"orphans web --json":    {`{"error":{"code":600,"name":"BAD_USAGE","message":"BAD_USAGE: orphans accepts no arguments"}}` + "\n", "", 2},
		"start --help":          {helpStart + "start --timeout=SECS\t" + timeoutFlag.help + "\n", "", 0},
		"wait -h --nope":        {helpWait + flagLines("wait"), "", 0},
		"tail cat --help":       {helpTail, "", 0},
		"start -h":              {"-h: started\n", "", 0},
		"stauts --help":         {"*** Unknown syntax: stauts --help\n  did you mean status?\n", "", 1},
		"help stauts":           {"*** No help on stauts\n  did you mean status?\n", "", 0},
		"help nope":             {"*** No help on nope\n", "", 0},
		"stauts":                {"*** Unknown syntax: stauts\n  did you mean status?\n", "", 1},
		"restar web":            {"*** Unknown syntax: restar web\n  did you mean restart?\n", "", 1},
		"zzzzz":                 {"*** Unknown syntax: zzzzz\n", "", 1},
		"stauts --json":         {`{"error":{"code":600,"name":"BAD_USAGE","message":"BAD_USAGE: Unknown syntax: stauts --json","hint":"did you mean status?"}}` + "\n", "", 1},
		"start --jsn --json a":  {`{"error":{"code":600,"name":"BAD_USAGE","message":"BAD_USAGE: bad argument --jsn","hint":"did you mean --json?"}}` + "\n", "", 1},
	} {
		if got := supervisorctl(t, "", "-c", f.config, "--", line); got != want {
			t.Errorf("%s: got %+v, want %+v", line, got, want)
		}
	}
}

func TestTheTimeOfAVerbThatWaitsPasses(t *testing.T) {
	f := newFake(t, nil)
	forever := pieces{}
	f.set("supervisor.startProcess", func(p map[string]any) any {
		if p["name"] == "slow" {
			return forever
		}
		return true
	})
	for _, method := range []string{"supervisor.startProcessGroup", "supervisor.startAllProcesses", "supervisor.stopProcess",
		"supervisor.addProcessGroup", "supervisor.removeProcessGroup", "supervisor.reloadConfig", "supervisor.shutdown", "supervisor.restart"} {
		f.set(method, forever)
	}
	const late = "error: timed out after 50ms; what the server has begun goes on\n"
	for line, want := range map[string]string{
		"start a slow c": "a: started\nslow: ERROR (timed out after 50ms)\nc: ERROR (timed out after 50ms)\n",
		"start slow":     "slow: ERROR (timed out after 50ms)\n",
		"start g:*":      "g:*: ERROR (timed out after 50ms)\n",
		"start all":      "all: ERROR (timed out after 50ms)\n",
		"stop a":         "a: ERROR (timed out after 50ms)\n",
		"restart a":      "a: ERROR (timed out after 50ms)\n",
		"update":         late,
		"add a":          late,
		"remove a":       late,
		"shutdown":       late,
		"reload":         late,
	} {
		if got := supervisorctl(t, "", "-c", f.config, line+" --timeout=50ms"); got.out != want || got.errs != "" || got.exit != 124 {
			t.Errorf("%s: exit %d, got %q and %q, want %q", line, got.exit, got.out, got.errs, want)
		}
	}
	f.set("supervisor.getVersion", forever)
	for _, line := range []string{"status", "start a", "reread", "version", "avail", "pid", "clear a", "signal HUP a"} {
		if got := supervisorctl(t, "", "-c", f.config, line+" --timeout=50ms"); got.out != late || got.exit != 124 {
			t.Errorf("a server that says nothing, %s: exit %d, got %q", line, got.exit, got.out)
		}
	}
}

func TestAQuestionWaitsAsLongAsTheFlagSays(t *testing.T) {
	f := newFake(t, nil)
	in, _ := pipe(t)
	var out, errs strings.Builder
	code := run("supervisorctl", []string{"-c", f.config, "-i", "reload --timeout=50ms"}, in, &out, &errs)
	if want := textAskReload + "\nerror: timed out after 50ms; what the server has begun goes on\n"; out.String() != want || code != 124 {
		t.Errorf("exit %d, got %q, want %q", code, out.String(), want)
	}
}
