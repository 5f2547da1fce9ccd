# bash completion for exptrack. Load it with: source <(exptrack completion bash)
# Works without the bash-completion package, and with it completes the command behind `exptrack run --` too.

_exptrack() {
    local program=exptrack
    # A path was typed: that exptrack knows its own runs.
    [[ $1 == */* && -x $1 ]] && program=$1

    # Bash cuts words at `:` and `=`; what no blank separates on the line is one word for exptrack.
    local line=${COMP_LINE:0:COMP_POINT} lead word i n=-1
    local -a words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        lead=${line%%[![:space:]]*}
        line=${line#"$lead"}
        word=${COMP_WORDS[i]}
        # The last word only up to the cursor.
        ((i == COMP_CWORD)) && word=$line
        if ((n >= 0)) && [[ -z $lead ]]; then
            words[n]+=$word
        else
            words[++n]=$word
        fi
        line=${line#"$word"}
    done

    # What is quoted is sent without its quotes; the quote that opens the word stays with the shell.
    local quote= current=${words[n]}
    case $current in
        \"* | \'*) quote=${current:0:1} current=${current:1} ;;
        *\\*) current=${current//\\/} ;;
    esac
    words[n]=$current

    # Readline replaces only what follows the last `:` or `=`.
    local kept= part=$current
    if [[ -z $quote && $current == *[:=]* && $COMP_WORDBREAKS == *=* ]]; then
        part=${current##*[:=]}
        kept=${current%"$part"}
    fi

    COMPREPLY=()
    local answer value about is_open=
    while IFS= read -r answer; do
        value=${answer%%$'\t'*} about=${answer#*$'\t'}
        case $value:$about in
            :files) _exptrack_paths -f "$part" ;;
            :folders) _exptrack_paths -d "$part" ;;
            :command\ *) _exptrack_command "${about#command }" "$n" && return ;;
            *)
                value=${value#"$kept"}
                case $value in *[=./:]) is_open=1 ;; esac
                [[ -z $quote ]] && printf -v value %q "$value"
                # A comma needs no backslash: %q thinks of {a,b}.
                value=${value//\\,/,}
                COMPREPLY+=("$value")
                ;;
        esac
    done < <("$program" __complete "$n" "${words[@]}" 2>/dev/null)
    # `owner=` and `best:` want more behind them, not a blank.
    if [[ -n $is_open && ${#COMPREPLY[@]} -eq 1 ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

_exptrack_paths() {
    local path
    compopt -o filenames 2>/dev/null
    while IFS= read -r path; do
        COMPREPLY+=("$path")
    done < <(compgen "$1" -- "$2")
}

# Hand the line over to the completion of the command that exptrack runs; only bash-completion can do that.
_exptrack_command() {
    # Counted in bash's words: those after the first `--` are the command's.
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -- ]] && break
    done
    if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
        _command_offset $((i + 1))
    elif (($1 == $2)); then
        COMPREPLY+=($(compgen -c -- "$part"))
    else
        _exptrack_paths -f "$part"
    fi
}

complete -F _exptrack exptrack
