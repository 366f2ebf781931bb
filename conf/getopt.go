package conf

import "strings"

// Opt is an option that stood on a command line.
type Opt struct {
	Flag  string // "-n" or "--nodaemon", in full
	Value string // "" for a flag without argument
}

// Getopt reads the options at the beginning of args; rest is what follows the
// first word that is none, or "--". short lists the letters, a colon after those
// that take an argument ("nc:u:"); long the words, with "=" after those that do
// ("configuration=", "nodaemon"). Letters may be bundled, an argument may follow
// in the same word or the next, and a word may be cut short as long as it is
// still the only one that begins so. A long word with a "+" before it must not be
// cut short: it cannot make another one ambiguous.
func Getopt(args []string, short string, long []string) (opts []Opt, rest []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		if body, ok := strings.CutPrefix(word, "--"); ok {
			opts, args, err = longOption(opts, body, long, args)
		} else {
			opts, args, err = shortOptions(opts, word[1:], short, args)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return opts, args, nil
}

// longOption reads one --word.
func longOption(opts []Opt, body string, long, args []string) ([]Opt, []string, error) {
	body, value, given := strings.Cut(body, "=")
	name, takes, err := completeOption(body, long)
	switch {
	case err != nil:
		return nil, nil, err
	case takes && !given:
		if len(args) == 0 {
			return nil, nil, textf("option --%s requires argument", name)
		}
		value, args = args[0], args[1:]
	case !takes && given:
		return nil, nil, textf("option --%s must not have an argument", name)
	}
	return append(opts, Opt{"--" + name, value}), args, nil
}

// completeOption finds the long option that begins with prefix, and whether it
// takes an argument. An option that is spelled in full is never ambiguous.
func completeOption(prefix string, long []string) (name string, takes bool, err error) {
	matches := 0
	for _, l := range long {
		full, arg := strings.CutSuffix(l, "=")
		full, whole := strings.CutPrefix(full, "+")
		if full == prefix {
			return full, arg, nil
		}
		if !whole && strings.HasPrefix(full, prefix) {
			name, takes = full, arg
			matches++
		}
	}
	switch matches {
	case 0:
		return "", false, textf("option --%s not recognized", prefix)
	case 1:
		return name, takes, nil
	}
	return "", false, textf("option --%s not a unique prefix", prefix)
}

// shortOptions reads the letters of one -word.
func shortOptions(opts []Opt, letters, short string, args []string) ([]Opt, []string, error) {
	for letters != "" {
		n := runeLen(letters)
		letter := letters[:n]
		letters = letters[n:]
		i := strings.Index(short, letter)
		if letter == ":" || i < 0 {
			return nil, nil, textf("option -%s not recognized", letter)
		}
		value := ""
		if strings.HasPrefix(short[i+n:], ":") {
			switch {
			case letters != "":
				value, letters = letters, ""
			case len(args) == 0:
				return nil, nil, textf("option -%s requires argument", letter)
			default:
				value, args = args[0], args[1:]
			}
		}
		opts = append(opts, Opt{"-" + letter, value})
	}
	return opts, args, nil
}
