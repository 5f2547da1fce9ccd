# fish completion for exptrack. Load it with: exptrack completion fish | source

function __exptrack_complete
    set -l program exptrack
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    # A path was typed: that exptrack knows its own runs.
    if string match -q '*/*' -- $before[1]; and test -x $before[1]
        set program $before[1]
    end
    for line in ($program __complete (count $before) $before $current 2>/dev/null)
        set -l parts (string split -m 1 \t -- $line)
        if test -n "$parts[1]"
            printf '%s\n' $line
            continue
        end
        switch "$parts[2]"
            case files
                set -l key (string match -r '^.*=' -- $current)
                for path in (complete -C "__exptrack_paths "(string escape -- (string replace -r '^.*=' '' -- $current)))
                    printf '%s%s\n' "$key" $path
                end
            case folders
                __fish_complete_directories $current
            case 'command *'
                # fish counts from one, and word 0 is exptrack itself.
                set -l first (math (string replace 'command ' '' -- $parts[2]) + 1)
                if test $first -le (count $before)
                    complete -C (string join ' ' -- (string escape -- $before[$first..-1]) $current)
                else
                    complete -C $current
                end
        end
    end
end

complete -c exptrack -f -a '(__exptrack_complete)'
