package cgroup

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// mount is a place where the hierarchy can be seen, or a part of it.
type mount struct {
	root     string // the group that is seen there
	point    string
	readOnly bool
}

// place finds the directory of the group that this process is in.
func (t *Tree) place() (string, error) {
	text, err := t.files.read(t.proc + "/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("it is not known in which cgroup supervisord is: %w", err)
	}
	path := ""
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, "0::"); found {
			path = strings.TrimSuffix(rest, "\n")
		}
	}
	if path == "" {
		return "", errors.New("there is no cgroup v2 here, only v1")
	}
	text, err = t.files.read(t.proc + "/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("it is not known where cgroup v2 is mounted: %w", err)
	}
	mounts := parseMounts(text)
	if len(mounts) == 0 {
		return "", errors.New("cgroup v2 is not mounted here")
	}
	found := ""
	for _, m := range mounts {
		below, ok := within(m.root, path)
		if ok && (found == "" || !m.readOnly) {
			found = m.point + below
			if !m.readOnly {
				break
			}
		}
	}
	if found == "" {
		return "", fmt.Errorf("the cgroup v2 at %s does not show the cgroup of supervisord, %s", mounts[0].point, path)
	}
	return found, nil
}

// within returns the part of a path below a root: "" or something that begins with a
// slash. What lies outside of a namespace begins with /.. and is in no root.
func within(root, path string) (string, bool) {
	if strings.HasPrefix(path+"/", "/../") {
		return "", false
	}
	if path == root {
		return "", true
	}
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(root, "/")+"/")
	return "/" + rest, ok
}

// parseMounts finds the mounts of version 2 in a mountinfo.
func parseMounts(text string) []mount {
	var list []mount
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		dash := 6 // after that many fields, and some that are optional
		for dash < len(f) && f[dash] != "-" {
			dash++
		}
		if dash+1 >= len(f) || f[dash+1] != "cgroup2" {
			continue
		}
		m := mount{root: unescape(f[3]), point: strings.TrimSuffix(unescape(f[4]), "/")}
		for option := range strings.SplitSeq(f[5]+","+f[len(f)-1], ",") {
			m.readOnly = m.readOnly || option == "ro"
		}
		list = append(list, m)
	}
	return list
}

// unescape undoes what the kernel does to blanks in a path.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// refused says why a group cannot be made or changed, and what would help.
func refused(err error) error {
	hint := ""
	switch {
	case errors.Is(err, syscall.EROFS):
		hint = " (cgroups are read-only here; a container may write its own with docker's --security-opt writable-cgroups=true, " +
			"podman's --security-opt unmask=/sys/fs/cgroup, or --privileged)"
	case errors.Is(err, os.ErrPermission):
		hint = fmt.Sprintf(" (the cgroup is not delegated to user %d; a unit of systemd needs Delegate=yes)", os.Geteuid())
	case errors.Is(err, syscall.EOPNOTSUPP):
		hint = " (the cgroup is a threaded one)"
	case errors.Is(err, syscall.EAGAIN):
		hint = " (cgroup.max.descendants or cgroup.max.depth of a cgroup above allows no more)"
	}
	return fmt.Errorf("%w%s", err, hint)
}
