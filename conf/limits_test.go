package conf

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	const prog = "[supervisord]\n[program:p]\ncommand=x\n"
	const nofile = " (SOFT:HARD, or one for both; each a number, or unlimited)"
	const bytes = " (SOFT:HARD, or one for both; each a number of bytes, or one with KB, MB or GB, or unlimited)"
	const cpus = " (a number of processors such as 1.5, or QUOTA PERIOD in microseconds, or max)"
	for _, tt := range []struct{ name, text, want string }{
		{"none", prog, ""},
		{"one for both", prog + "rlimit_nofile=1024\n", "rlimit_nofile=1024"},
		{"two", prog + "rlimit_nofile= 1024 : 4096\n", "rlimit_nofile=1024:4096"},
		{"no limit", prog + "rlimit_core=unlimited\nrlimit_nproc=5:Infinity\n", "rlimit_core=unlimited rlimit_nproc=5:unlimited"},
		{"the soft one alone", prog + "rlimit_cpu=5:\n", "rlimit_cpu=5:"},
		{"the hard one alone", prog + "rlimit_cpu=:5\n", "rlimit_cpu=:5"},
		{"bytes", prog + "rlimit_as=1GB\nrlimit_stack=8MB:unlimited\nrlimit_fsize=0\n", "rlimit_as=1073741824 rlimit_fsize=0 rlimit_stack=8388608:unlimited"},
		{"every name", prog + strings.Join(resourceKeys, "=1\n") + "=1\n", strings.Join(resourceKeys, "=1 ") + "=1"},
		{"scheduling", prog + "nice=-20\noom_score_adj=1000\ncpu_affinity=5,0,2-4,3\n", "nice=-20 oom_score_adj=1000 cpu_affinity=0,2,3,4,5"},
		{"zero is a number", prog + "nice=0\noom_score_adj=0\n", "nice=0 oom_score_adj=0"},
		{"a processor for each process", prog + "numprocs=1\nnumprocs_start=3\nprocess_name=%(process_num)d\ncpu_affinity=%(process_num)d\n", "cpu_affinity=3"},
		{"rights", prog + "capabilities=cap_chown, NET_BIND_SERVICE,chown\nno_new_privs=true\nlimits_strict=true\npdeathsig=sigterm\n",
			"capabilities=CHOWN,NET_BIND_SERVICE pdeathsig=TERM no_new_privs=true limits_strict=true"},
		{"no rights", prog + "capabilities=None\n", "capabilities=none"},
		{"those of a control group", prog + "memory_max=256MB\ncpu_max=1.5\npids_max=100\n", "cpu_max=1.5 memory_max=256MB pids_max=100"},
		{"in plain numbers", prog + "memory_max= 3000000\ncpu_max= 20000  50000\npids_max=1\n", "cpu_max=20000 50000 memory_max=3000000 pids_max=1"},
		{"parts of a processor", prog + "cpu_max=.25\n", "cpu_max=0.25"},
		{"whole processors", prog + "cpu_max=2.\n", "cpu_max=2"},
		{"the usual period", prog + "cpu_max=12345 100000\n", "cpu_max=0.12345"},
		{"the least of each", prog + "memory_max=2MB\ncpu_max=0.01\npids_max=1\n", "cpu_max=0.01 memory_max=2MB pids_max=1"},
		{"the most of each", prog + "memory_max=1000000GB\ncpu_max=1024\npids_max=4194304\n", "cpu_max=1024 memory_max=1000000GB pids_max=4194304"},
		{"none of them", prog + "memory_max=max\ncpu_max=MAX\npids_max=\n", ""},
		{"a share for each process", prog + "process_name=%(process_num)d\ncpu_max=0.%(process_num)d5\n", "cpu_max=0.05"},
		{"defaults of a control group that are taken back", "[supervisord]\n[program-defaults]\nmemory_max=1GB\ncpu_max=1\npids_max=1\n[program:p]\ncommand=x\nmemory_max=max\ncpu_max=\n", "pids_max=1"},
		{"a default that is taken back", "[supervisord]\n[program-defaults]\nnice=5\nrlimit_core=0\ncapabilities=none\ncpu_affinity=1\npdeathsig=9\n[program:p]\ncommand=x\nnice=\nrlimit_core=\ncapabilities=\ncpu_affinity=\npdeathsig=\n", ""},

		{"no number", prog + "rlimit_nofile=many\n", ":4: [program:p] rlimit_nofile: not a limit: 'many'" + nofile},
		{"a size where a number belongs", prog + "rlimit_nofile=1KB\n", ":4: [program:p] rlimit_nofile: not a limit: '1KB'" + nofile},
		{"a negative number", prog + "rlimit_as=-1\n", ":4: [program:p] rlimit_as: not a limit: '-1'" + bytes},
		{"a colon alone", prog + "rlimit_nofile=:\n", ":4: [program:p] rlimit_nofile: not a limit: ':'" + nofile},
		{"three numbers", prog + "rlimit_nofile=1:2:3\n", ":4: [program:p] rlimit_nofile: not a limit: '1:2:3'" + nofile},
		{"soft above hard", prog + "rlimit_as=2GB:1GB\n", ":4: [program:p] rlimit_as: the soft limit is above the hard one: '2GB:1GB'" + bytes},
		{"soft without limit", prog + "rlimit_as=unlimited:1GB\n", ":4: [program:p] rlimit_as: the soft limit is above the hard one: 'unlimited:1GB'" + bytes},
		{"too nice", prog + "nice=20\n", ":4: [program:p] nice: 20 is not between -20 and 19 (from -20, who comes first, to 19)"},
		{"out of bounds", prog + "oom_score_adj=-1001\n", ":4: [program:p] oom_score_adj: -1001 is not between -1000 and 1000 (from -1000, who is never killed, to 1000)"},
		{"no processors", prog + "cpu_affinity=0,,1\n", ":4: [program:p] cpu_affinity: not a list of processors: '0,,1' (numbers of processors, such as 0,2-5)"},
		{"processors backwards", prog + "cpu_affinity=5-2\n", ":4: [program:p] cpu_affinity: not a list of processors: '5-2' (numbers of processors, such as 0,2-5)"},
		{"a processor that cannot be", prog + "cpu_affinity=1024\n", ":4: [program:p] cpu_affinity: not a list of processors: '1024' (numbers of processors, such as 0,2-5)"},
		{"an unknown capability", prog + "capabilities=CHOWN,NET_BIND_SERVISE\n", ":4: [program:p] capabilities: not a capability: 'NET_BIND_SERVISE' (did you mean NET_BIND_SERVICE?)"},
		{"no capability", prog + "capabilities=all\n", ":4: [program:p] capabilities: not a capability: 'all' (none, or names such as NET_BIND_SERVICE with commas between them)"},
		{"no signal", prog + "pdeathsig=0\n", ":4: [program:p] pdeathsig: value '0' is not a valid signal number (a signal such as TERM or KILL)"},
		{"no size", prog + "memory_max=256M\n", ":4: [program:p] memory_max: not a size of at least 2MB: '256M' (a number of bytes, or one with KB, MB or GB, or max)"},
		{"a size for nothing", prog + "memory_max=2097151\n", ":4: [program:p] memory_max: not a size of at least 2MB: '2097151' (a number of bytes, or one with KB, MB or GB, or max)"},
		{"a size beyond all", prog + "memory_max=99999999999GB\n", ":4: [program:p] memory_max: not a size of at least 2MB: '99999999999GB' (a number of bytes, or one with KB, MB or GB, or max)"},
		{"no processes", prog + "pids_max=0\n", ":4: [program:p] pids_max: not a number from 1 to 4194304: '0' (a number of processes and threads, or max)"},
		{"too many processes", prog + "pids_max=4194305\n", ":4: [program:p] pids_max: not a number from 1 to 4194304: '4194305' (a number of processes and threads, or max)"},
		{"percent, as they stand", prog + "cpu_max=150%\n", ":4: [program:p] cpu_max: incomplete format (write 1.5, the number of processors)"},
		{"percent", prog + "cpu_max=12.5 %%\n", ":4: [program:p] cpu_max: not a share of processors: '12.5 %' (write 0.125, the number of processors)"},
		{"an unknown name beside it", prog + "cpu_max=%(cpus)s\n", ":4: [program:p] cpu_max: the name 'cpus' is unknown"},
		{"too little", prog + "cpu_max=0.00999\n", ":4: [program:p] cpu_max: not a share of processors: '0.00999'" + cpus},
		{"too much", prog + "cpu_max=1025\n", ":4: [program:p] cpu_max: not a share of processors: '1025'" + cpus},
		{"a quota alone", prog + "cpu_max=50000\n", ":4: [program:p] cpu_max: not a share of processors: '50000'" + cpus},
		{"too fine", prog + "cpu_max=0.123456\n", ":4: [program:p] cpu_max: not a share of processors: '0.123456'" + cpus},
		{"a point alone", prog + "cpu_max=.\n", ":4: [program:p] cpu_max: not a share of processors: '.'" + cpus},
		{"a sign", prog + "cpu_max=-1\n", ":4: [program:p] cpu_max: not a share of processors: '-1'" + cpus},
		{"too short a period", prog + "cpu_max=1000 999\n", ":4: [program:p] cpu_max: not a share of processors: '1000 999'" + cpus},
		{"too long a period", prog + "cpu_max=1000 1000001\n", ":4: [program:p] cpu_max: not a share of processors: '1000 1000001'" + cpus},
		{"too small a quota", prog + "cpu_max=999 1000\n", ":4: [program:p] cpu_max: not a share of processors: '999 1000'" + cpus},
		{"the kernel's word for no quota", prog + "cpu_max=max 100000\n", ":4: [program:p] cpu_max: not a share of processors: 'max 100000'" + cpus},
		{"three numbers", prog + "cpu_max=1 2 3\n", ":4: [program:p] cpu_max: not a share of processors: '1 2 3'" + cpus},
		{"neither true nor false", prog + "no_new_privs=maybe\n", ":4: [program:p] no_new_privs: not a valid boolean value: 'maybe' (one of true, false)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := loadString(tt.text)
			if err != nil {
				if got := strings.TrimPrefix(err.(*LoadError).Details()[0], "/c/s.conf"); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
				return
			}
			l := c.Groups[0].Programs[0].Limits
			var words []string
			for _, text := range limitTexts() {
				if v := text.text(&l); v != "" && v != "false" && v != "max" {
					words = append(words, text.key+"="+v)
				}
			}
			got := strings.Join(words, " ")
			if got != tt.want || l.Set() != (strings.TrimSuffix(got, " limits_strict=true") != "") {
				t.Errorf("got  %s, set %v\nwant %s", got, l.Set(), tt.want)
			}
			checkTravel(t, l)
		})
	}
}

// checkTravel checks that limits survive as JSON, in which they travel.
func checkTravel(t *testing.T, l Limits) {
	t.Helper()
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var back Limits
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, l) {
		t.Errorf("%s became %+v (%v)", text, back, err)
	}
}

func TestEveryResourceHasItsKey(t *testing.T) {
	if len(resourceKeys) != len(Resources) {
		t.Fatalf("%d keys for %d resources", len(resourceKeys), len(Resources))
	}
	for i, r := range Resources {
		if want := rlimitPrefix + r.Name; resourceKeys[i] != want {
			t.Errorf("key %d is %s, want %s", i, resourceKeys[i], want)
		}
	}
}
