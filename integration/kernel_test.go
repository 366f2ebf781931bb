package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// bootTime bounds a machine in software that boots, runs a script, and is switched off.
const bootTime = 2 * time.Minute

// boot runs a script as the first process of a kernel of its own, in a machine made of
// software alone, and returns what it wrote to the console. The script finds busybox and
// supervisord in /bin, and the files that are given.
func boot(t *testing.T, script string, files map[string]string) string {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		// The machine in software is one of amd64, and supervisord is built for this one.
		inapplicable(t, "the kernel that is booted is one for amd64, which does not run programs for "+runtime.GOARCH)
	}
	qemu := needProgram(t, "qemu-system-x86_64")
	kernel := needKernel(t)
	root := &cpio{}
	for _, dir := range []string{"bin", "dev", "proc", "sys", "tmp"} {
		root.add(dir, 0o040755, nil)
	}
	for name, path := range map[string]string{"bin/busybox": needProgram(t, "busybox"), "bin/supervisord": program("supervisord")} {
		root.add(name, 0o100755, []byte(readFile(t, path)))
	}
	root.add("bin/supervisorctl", 0o120777, []byte("supervisord"))
	for name, text := range files {
		root.add(name, 0o100644, []byte(text))
	}
	root.add("init", 0o100755, []byte("#!/bin/busybox sh\n/bin/busybox --install -s /bin\nexport PATH=/bin\nmount -t proc proc /proc\n"+
		"mount -t sysfs sys /sys\nmount -t devtmpfs dev /dev\n"+script+"\npoweroff -f\n"))
	image := filepath.Join(shortDir(t), "initrd")
	writeFile(t, image, string(root.end()), 0o644)

	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemu, "-accel", "tcg", "-m", "384", "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio",
		"-no-reboot", "-kernel", kernel, "-initrd", image, "-append", "console=ttyS0 quiet panic=-1")
	out, err := cmd.CombinedOutput()
	text := strings.ReplaceAll(string(out), "\r", "")
	if err != nil {
		t.Fatalf("%v: %v; console:\n%s", cmd.Args, err, text)
	}
	return text
}

// needKernel returns a kernel to boot: that of the machine, or one that was fetched for
// the purpose.
func needKernel(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{os.Getenv("KERNEL"), "../bin/vmlinuz", "/boot/vmlinuz-*"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	skip(t, "there is no kernel to boot (.ci/kernel fetches one)")
	return ""
}

// cpio is an archive in the form in which a kernel takes its first files.
type cpio struct {
	bytes.Buffer
	inode int
}

func (c *cpio) add(name string, mode int, data []byte) {
	c.inode++
	fmt.Fprintf(c, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", c.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	c.WriteString(name + "\x00")
	c.pad()
	c.Write(data)
	c.pad()
}

func (c *cpio) pad() { c.Write(make([]byte, -c.Len()&3)) }

func (c *cpio) end() []byte {
	c.add("TRAILER!!!", 0, nil)
	return c.Bytes()
}

// TestLimitsOfControlGroups has a kernel that gives all controllers to version 2, and
// daemons in groups of their own that they may write: one of root's, one of a user's.
func TestLimitsOfControlGroups(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no control groups")
	const common = `[unix_http_server]
file=/tmp/NAME.sock
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=/tmp/NAME.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///tmp/NAME.sock
[program-defaults]
stdout_logfile=NONE
redirect_stderr=true
limits_strict=true
autorestart=false
[program:full]
command=/bin/sleep 1000
memory_max=64MB
cpu_max=0.5
pids_max=9
kill_scope=cgroup
[program:plain]
command=/bin/sleep 1001
`
	const ofRoot = `
[program:eater]
command=/bin/tail /dev/zero
memory_max=24MB
startsecs=0
[program:nibbler]
command=/bin/sh -c "tail /dev/zero; exit 0"
memory_max=24MB
startsecs=0
[program:forker]
command=/bin/sh -c "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; wait"
pids_max=4
startsecs=0
[program:lone]
command=/bin/sleep 1000
pids_max=1
[program:small]
command=/bin/sleep 1000
memory_max=4MB
[program:spinner]
command=/bin/sh -c "while :; do :; done"
cpu_max=0.1
`
	const script = `
export NO_COLOR=1
mount -t cgroup2 cgroup /sys/fs/cgroup
echo "+memory +cpu +pids" >/sys/fs/cgroup/cgroup.subtree_control
chmod 777 /tmp
begin() {
  name=$1
  unit=/sys/fs/cgroup/$name
  mkdir $unit
  [ $name = root ] || chown 1000 $unit $unit/cgroup.procs $unit/cgroup.subtree_control $unit/cgroup.threads
  (echo 0 >$unit/cgroup.procs; exec supervisord -c /$name.conf >/tmp/$name.log 2>&1) &
  daemon=$!
  ctl="supervisorctl -c /$name.conf"
  until $ctl status full plain | grep -c RUNNING | grep -q 2; do sleep 0.2; done
  base=$(echo $unit/supervisor.*.1)
  echo "$name: daemon in $(cut -d: -f3 /proc/$daemon/cgroup), plain in $(cut -d: -f3 /proc/$($ctl pid plain)/cgroup)"
  for f in memory cpu pids; do echo "$name: full has $f $(cat $base/full@full/$f.max)"; done
  echo "$name: unit has $(wc -l <$unit/cgroup.procs) processes"
}
end() {
  kill $daemon
  wait $daemon
  echo "$name: ended with $?, left $(find $unit -mindepth 1 -type d | wc -l) groups and '$(cat $unit/cgroup.subtree_control)'"
  echo "log of $name"
  cat /tmp/$name.log
}
begin root
until grep -q nr_throttled.[1-9] $base/spinner@spinner@kept/cpu.stat; do sleep 0.2; done
echo "spinner: throttled"
until grep -q "exited: forker" /tmp/root.log && grep -q "exited: nibbler" /tmp/root.log && grep -q "exited: eater" /tmp/root.log; do sleep 0.2; done
until $ctl status lone small spinner | grep -c RUNNING | grep -q 3; do sleep 0.2; done
$ctl status
echo "lone: $(cat $base/lone@lone@kept/pids.max) $(cat $base/lone@lone@kept/pids.current)"
echo "forker: has $(cat $base/forker@forker@kept/pids.current), $(cat $base/forker@forker@kept/pids.events)"
killall sleep
end
begin user
end
`
	files := map[string]string{}
	for name, more := range map[string]string{"root": ofRoot, "user": "[supervisord]\nuser=1000\n"} {
		files[name+".conf"] = strings.ReplaceAll(common, "NAME", name) + more
	}
	text := markOfDaemon.ReplaceAllString(boot(t, script, files), "supervisor.")
	_, log, _ := strings.Cut(text, "log of root\n")
	log, _, _ = strings.Cut(log, "user: daemon in ")
	for _, want := range []string{
		"spinner: throttled\n", "lone: 1 1\n", "forker: has 3, max 1\n",
		"lone +RUNNING ", "small +RUNNING ", "spinner +RUNNING ",
		"root: ended with 0, left 0 groups and ''\n", "user: ended with 0, left 0 groups and ''\n",
	} {
		if !regexp.MustCompile("(?m)^" + want).MatchString(text) {
			t.Errorf("no line %q", want)
		}
	}
	for _, name := range []string{"root", "user"} {
		for _, want := range []string{
			"daemon in /NAME/supervisor.1/daemon, plain in /NAME/supervisor.1/daemon\n", "unit has 0 processes\n",
			"full has memory 67108864\n", "full has cpu 50000 100000\n", "full has pids 9\n",
		} {
			if want = name + ": " + strings.ReplaceAll(want, "NAME", name); !strings.Contains(text, want) {
				t.Errorf("no line %q", want)
			}
		}
	}
	for _, want := range []string{
		"INFO supervisord and its processes have moved to the cgroup /sys/fs/cgroup/root/supervisor.1/daemon, so that programs can have limits beside it",
		"WARN exited: eater (terminated by SIGKILL: the kernel has killed 1 of its processes for want of memory, with memory_max=24MB; not expected)",
		"WARN nibbler: the kernel has killed 1 of its processes for want of memory, with memory_max=24MB",
		"INFO exited: nibbler (exit status 0; expected)",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("not in the log: %s", want)
		}
	}
	if strings.Contains(text, "cannot set") {
		t.Error("something could not be set")
	}
	if t.Failed() {
		t.Logf("console:\n%s", text)
	}
}
