#compdef supervisorctl
# Completion of supervisorctl for zsh. It is loaded by this line, in ~/.zshrc
# and behind compinit:
#
#   source <(supervisorctl completion zsh)
#
# or lies as a file _supervisorctl in a directory of $fpath.

_supervisorctl_verb() { # VERB: sets args, what its words are, and its flags without and with a value
    args= bare=() valued=() takes=()
    case $1 in
@VERBS@
    esac
}

_supervisorctl_values() { # VERB FLAG: sets values, what the flag may be
    values=()
    case "$1 $2" in
@VALUES@
    esac
}

_supervisorctl() {
    local verb= args= taking= ended= word
    local -i i count=0
    local -a options bare valued takes values names verbs
    verbs=(
@NAMES@
    )

    # The options before the verb say which server knows the names.
    for ((i = 2; i < CURRENT; i++)); do
        word=$words[i]
        case $word in
        @FILE_OPTIONS@ | @VALUE_OPTIONS@)
            if ((i + 1 == CURRENT)); then
                case $word in @FILE_OPTIONS@) _files ;; esac
                return
            fi
            i=$((i + 1))
            options+=($word "${${(Q)words[i]}/#\~\//$HOME/}") ;;
        @BARE_OPTIONS@) ;;
        -*) options+=("${(Q)word}") ;;
        *)
            verb=$word
            break ;;
        esac
    done

    # What stands between the verb and the cursor.
    [[ -n $verb ]] && _supervisorctl_verb $verb
    for ((i++; i < CURRENT && $#verb; i++)); do
        word=$words[i]
        if [[ -n $taking ]]; then
            taking=
        elif [[ -n $ended || $word != -* ]]; then
            count=$((count + 1))
        elif [[ $word == -- ]]; then
            ended=1
        elif (( ${takes[(Ie)$word]} )); then
            taking=$word
        fi
    done

    if [[ -z $verb && $PREFIX == -* ]]; then
        values=(@OPTIONS@)
        compadd -- $values
    elif [[ -z $verb ]]; then
        _describe -t commands command verbs
    elif [[ -n $taking ]]; then
        _supervisorctl_values $verb $taking
        compadd -- $values
    elif [[ -z $ended && $PREFIX == --*=* ]]; then
        _supervisorctl_values $verb ${PREFIX%%=*}
        compset -P '*='
        compadd -- $values
    elif [[ -z $ended && $PREFIX == -* ]]; then
        _describe -o flag bare -- valued -S ''
    elif [[ $args == signals && $count == 0 ]]; then
        compadd -- @SIGNALS@
    elif [[ $args == verbs ]]; then
        _describe -t commands command verbs
    elif [[ $args == shells ]]; then
        compadd -- @SHELLS@
    elif [[ -n $args ]]; then
        [[ $args == signals ]] && args=processes
        names=("${(@f)$("${${(Q)words[1]}/#\~\//$HOME/}" $options @HIDDEN@ -- $args "${(Q)PREFIX}" 2>/dev/null)}")
        compadd -- ${names:#}
    fi
}

if [[ $funcstack[1] == _supervisorctl ]]; then
    _supervisorctl "$@"
else
    compdef _supervisorctl supervisorctl
fi
