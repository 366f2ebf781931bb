package applet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// install makes a link to ourselves for every applet in the one directory of
// args.
func (b *Binary) install(args []string) int {
	if len(args) != 1 || args[0] == "" {
		fmt.Fprintln(b.Stderr, "Error: --install takes one argument, the directory for the links")
		return exitUsage
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintf(b.Stderr, "Error: find the own binary: %v\n", err)
		return exitFailed
	}
	return b.link(self, args[0])
}

// link makes the links in dir to the file at binary. Names that lead to it
// already are left as they are; names that lead elsewhere, or are something
// else, are somebody's, and are reported. The others are made all the same.
func (b *Binary) link(binary, dir string) int {
	target, err := target(binary, dir)
	if err != nil {
		fmt.Fprintf(b.Stderr, "Error: install links: %v\n", err)
		return exitFailed
	}
	status := 0
	for _, a := range b.Applets {
		if a.Hidden || a.Alias {
			continue
		}
		path := filepath.Join(dir, a.Name)
		switch made, err := ensure(path, target, binary); {
		case err != nil:
			fmt.Fprintf(b.Stderr, "Error: %v\n", err)
			status = exitFailed
		case made:
			fmt.Fprintf(b.Stdout, "%s -> %s\n", path, target)
		}
	}
	return status
}

// target is the way from dir to the binary, as a link in dir has to spell it.
// Both ends are resolved first: a ".." in a link counts from where the link
// really is.
func target(binary, dir string) (string, error) {
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if from, err = filepath.EvalSymlinks(from); err != nil {
		return "", fmt.Errorf("find the directory %s: %v", dir, cause(err))
	}
	st, err := os.Stat(from)
	if err != nil {
		return "", fmt.Errorf("find the directory %s: %v", dir, cause(err))
	}
	if !st.IsDir() {
		return "", fmt.Errorf("%s is not a directory", dir)
	}
	to, err := filepath.Abs(binary)
	if err != nil {
		return "", err
	}
	if to, err = filepath.EvalSymlinks(to); err != nil {
		return "", fmt.Errorf("find the binary %s: %v", binary, cause(err))
	}
	return filepath.Rel(from, to)
}

// ensure makes the link unless path is the binary already. It never replaces
// anything, not even when somebody else makes the name meanwhile: symlink(2)
// fails if it is there.
func ensure(path, target, binary string) (made bool, err error) {
	err = os.Symlink(target, path)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return false, fmt.Errorf("make the link %s: %v", path, cause(err))
	}
	ours, err := os.Stat(binary)
	if err != nil {
		return false, fmt.Errorf("find the binary %s: %v", binary, cause(err))
	}
	if there, err := os.Stat(path); err == nil && os.SameFile(ours, there) {
		return false, nil
	}
	if old, err := os.Readlink(path); err == nil {
		return false, fmt.Errorf("%s is a link to %s, not to this binary; remove it first to have it replaced", path, old)
	}
	return false, fmt.Errorf("%s exists and is not this binary; remove it first to have it replaced", path)
}

// cause strips the operation and the path that a message names itself.
func cause(err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		return pe.Err
	case errors.As(err, &le):
		return le.Err
	}
	return err
}
