# Completion of supervisorctl for bash. It is loaded by this line, in ~/.bashrc:
#
#   source <(supervisorctl completion bash)

_supervisorctl_verb() { # VERB: sets args, what its words are, flags, and takes, those with a value
    args= flags= takes=
    case $1 in
@VERBS@
    esac
}

_supervisorctl_values() { # VERB FLAG: sets values, what the flag may be
    values=
    case "$1 $2" in
@VALUES@
    esac
}

_supervisorctl() {
    local line=${COMP_LINE:0:COMP_POINT} cur last word verb= args flags takes values= kept= breaks i
    local count=0 taking= ended=
    local -a words=() options=() found=()
    read -ra words <<<"$line"
    [[ $line == *[[:blank:]] ]] && words+=('')
    last=$((${#words[@]} - 1))
    cur=${words[last]}

    # The options before the verb say which server knows the names.
    for ((i = 1; i < last; i++)); do
        word=${words[i]}
        case $word in
        @FILE_OPTIONS@ | @VALUE_OPTIONS@)
            if ((i + 1 == last)); then
                case $word in @FILE_OPTIONS@) compopt -o default 2>/dev/null ;; esac
                return
            fi
            i=$((i + 1))
            options+=("$word" "${words[i]/#\~\//$HOME/}") ;;
        @BARE_OPTIONS@) ;;
        -*) options+=("$word") ;;
        *)
            verb=$word
            break ;;
        esac
    done

    # What stands between the verb and the cursor.
    [[ -n $verb ]] && _supervisorctl_verb "$verb"
    for ((i++; i < last && ${#verb}; i++)); do
        word=${words[i]}
        if [[ -n $taking ]]; then
            taking=
        elif [[ -n $ended || $word != -* ]]; then
            count=$((count + 1))
        elif [[ $word == -- ]]; then
            ended=1
        elif [[ " $takes " == *" $word "* ]]; then
            taking=$word
        fi
    done

    if [[ -z $verb && $cur == -* ]]; then
        values='@OPTIONS@'
    elif [[ -z $verb ]]; then
        values='@NAMES@'
    elif [[ -n $taking ]]; then
        _supervisorctl_values "$verb" "$taking"
    elif [[ -z $ended && $cur == --*=* ]]; then
        _supervisorctl_values "$verb" "${cur%%=*}"
        values=" $values"
        values=${values// / ${cur%%=*}=}
        values=${values%"${cur%%=*}="}
    elif [[ -z $ended && $cur == -* ]]; then
        values=$flags
    elif [[ $args == signals && $count == 0 ]]; then
        values='@SIGNALS@'
    elif [[ $args == verbs ]]; then
        values='@NAMES@'
    elif [[ $args == shells ]]; then
        values='@SHELLS@'
    elif [[ -n $args ]]; then
        [[ $args == signals ]] && args=processes
        while IFS= read -r word; do
            found+=("$word")
        done < <("${words[0]/#\~\//$HOME/}" ${options[@]+"${options[@]}"} @HIDDEN@ -- "$args" "$cur" 2>/dev/null)
    fi
    for word in $values; do
        [[ $word == "$cur"* ]] && found+=("$word")
    done

    # What stands before a colon or an equals sign is another word to bash, and
    # is not replaced.
    breaks=${COMP_WORDBREAKS//[^:=]/}
    [[ -n $breaks && $cur == *[$breaks]* ]] && kept=${cur%"${cur##*[$breaks]}"}
    COMPREPLY=()
    for word in ${found[@]+"${found[@]}"}; do
        word=${word#"$kept"}
        [[ $word == *[!A-Za-z0-9_.:*@%+,/=-]* ]] && printf -v word %q "$word"
        COMPREPLY+=("$word")
    done
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == --*= ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -F _supervisorctl supervisorctl
