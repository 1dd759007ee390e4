# Completion of rpod for fish. rpod itself is asked: `rpod __complete WORD...` answers with a line for each candidate, what it is
# behind a tab, and a last line `:SUM` (2: no space behind it, 4: no files, 16: directories).

function __rpod_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l answer (rpod __complete $words[2..-1] "$typed" 2>/dev/null)
    set -q answer[1]; or return
    set -l directive (string replace : '' -- $answer[-1])
    set -e answer[-1]

    # The value of `--name=value` is answered alone.
    set -l option (string match -r -- '^-[^=]*=' "$typed")
    for line in $answer
        echo -- "$option$line"
    end
    set -q answer[1]; and return
    set -l path (string replace -r -- '^-[^=]*=' '' "$typed")
    if test (math "bitand($directive, 16)") -ne 0
        for line in (__fish_complete_directories $path '')
            echo -- "$option$line"
        end
    else if test (math "bitand($directive, 4)") -eq 0
        for line in (__fish_complete_path $path)
            echo -- "$option$line"
        end
    end
end

complete -c rpod -e
complete -c rpod -f -a '(__rpod_complete)'
