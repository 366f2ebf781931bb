package conf

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const (
	maxIncludes = 10_000 // patterns, and files
	maxGlobDirs = 20_000 // directories that one reading may look into
)

// include reads the files that the main file's [include] names. An [include] in
// one of those has no effect, so there is no cycle that could go on for ever.
func (l *loader) include() error {
	if err := l.doc.parse(); err != nil {
		return err
	}
	if l.doc.has("include") {
		l.includePatterns()
	}
	return nil
}

func (l *loader) includePatterns() {
	l.hasInclude = true
	s := l.scope("include", l.base.with(texts("host_node_name", l.hostname)))
	value, opt, found, err := s.textAs("files", "include.files")
	if !found {
		s.missing("files", text(msgNoFiles))
	}
	if !found || err != nil {
		return
	}
	// An included file may set the key again, without effect.
	here := *opt
	here.places = slices.Clone(opt.places)
	opt = &here
	patterns := strings.FieldsFunc(value, isSpace)
	if len(patterns) > maxIncludes {
		s.fail("files", opt, fmt.Errorf("more than %d patterns", maxIncludes), "")
		return
	}
	g := globber{host: l.host, left: maxGlobDirs}
	files := 0
	seen := make(map[string]bool)
	if len(patterns) == 0 {
		s.warn("files", opt, "no file is named", "")
	}
	for _, pattern := range patterns {
		if !path.IsAbs(pattern) {
			pattern = joinPath(l.main.here, pattern)
		}
		matches := g.glob(pattern)
		if g.left <= 0 {
			s.fail("files", opt, fmt.Errorf("the patterns lead through more than %d directories", maxGlobDirs), "")
			return
		}
		if len(matches) == 0 {
			l.note(Warn, msgNoMatch, pattern)
			s.warn("files", opt, "no file matches "+pattern, "")
		}
		slices.Sort(matches)
		for _, file := range matches {
			if files++; files > maxIncludes {
				s.fail("files", opt, fmt.Errorf("more than %d files are included", maxIncludes), "")
				return
			}
			if seen[file] {
				s.warn("files", opt, file+" is included twice", "")
			}
			seen[file] = true
			l.includeFile(s, opt, file)
		}
	}
}

func (l *loader) includeFile(s *scope, opt *option, file string) {
	l.note(Info, msgIncluded, file)
	src := newSource(l.host, file)
	src.included = true
	if l.host.abs(file) == l.cfg.File {
		l.note(Warn, "%s includes itself", file)
		s.warn("files", opt, file+" includes itself", "")
		src.included = false // its [include] is the one that was followed
	}
	data, err := l.doc.readAll(l.host, file)
	if fe, ok := err.(*fileError); ok {
		l.report.addFile(fe)
		return
	}
	if err != nil {
		l.note(Warn, "included file %q cannot be read: %s", file, reason(err))
		s.warn("files", opt, file+" cannot be read: "+reason(err), "")
		return
	}
	if e := l.doc.add(src, data); e != nil {
		l.report.addFile(e)
	}
}
