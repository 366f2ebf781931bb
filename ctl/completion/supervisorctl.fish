# Completion of supervisorctl for fish. It is loaded by this line, in
# ~/.config/fish/config.fish:
#
#   supervisorctl completion fish | source

# Prints the words from the verb on, or nothing where there is none yet; with
# an argument, the options before it that say which server knows the names.
function __supervisorctl_words
    set -l taking
    set -l options
    set -l tokens (commandline -opc)
    for i in (seq 2 (count $tokens))
        set -l token $tokens[$i]
        if test -n "$taking"
            set taking
            set -a options $token
            continue
        end
        switch $token
            case @FILE_OPTIONS@ @VALUE_OPTIONS@
                set taking 1
                set -a options $token
            case @BARE_OPTIONS@
            case '-*'
                set -a options $token
            case '*'
                if test (count $argv) -gt 0
                    break
                end
                printf '%s\n' $tokens[$i..-1]
                return
        end
    end
    if test (count $argv) -gt 0 -a (count $options) -gt 0
        printf '%s\n' $options
    end
end

function __supervisorctl_no_verb
    test (count (__supervisorctl_words)) -eq 0
end

# Tells whether the verb is one of the arguments.
function __supervisorctl_verb
    set -l words (__supervisorctl_words)
    test (count $words) -gt 0; and contains -- $words[1] $argv
end

# Prints the signals for the first word behind the verb, and processes else.
function __supervisorctl_signals
    set -l words (string match -v -- '-*' (__supervisorctl_words))
    if test (count $words) -eq 1
        printf '%s\n' @SIGNALS@
    else
        __supervisorctl_live processes
    end
end

function __supervisorctl_live
    set -l tokens (commandline -opc)
    set -l typed (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $tokens[1])
    $program (__supervisorctl_words options) @HIDDEN@ -- $argv[1] "$typed" 2>/dev/null
end

complete -c supervisorctl -e
complete -c supervisorctl -f
@VERBS@
