# Completion of rpod for bash. rpod itself is asked: `rpod __complete WORD...` answers with a line for each candidate, what it is
# behind a tab, and a last line `:SUM` (2: no space behind it, 4: no files, 16: directories).

_rpod() {
    local program=${COMP_WORDS[0]} rest=${COMP_LINE:0:COMP_POINT} words=() typed word i
    type -P -- "$program" >/dev/null || program=rpod

    # bash parts words at `=` and `:`, too. They are put together again where no space stands between them.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $rest == [[:space:]]* ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            words+=("")
        fi
        ((i == COMP_CWORD)) && word=$rest
        rest=${rest#"$word"}
        words[${#words[@]} - 1]+=$word
    done
    typed=${words[${#words[@]} - 1]}
    [[ $typed == [\"\']* ]] && typed=${typed:1}
    words[${#words[@]} - 1]=$typed

    local answer=() directive
    mapfile -t answer < <("$program" __complete "${words[@]:1}" 2>/dev/null)
    ((${#answer[@]})) || return
    directive=${answer[${#answer[@]} - 1]#:}
    unset "answer[${#answer[@]} - 1]"

    # The value of `--name=value` is answered alone. Of all that was typed, bash replaces only what is behind its last parting.
    local option="" behind=$typed
    [[ $typed == -*=* ]] && option=${typed%%=*}=
    [[ $COMP_WORDBREAKS == *=* ]] && behind=${behind##*=}
    [[ $COMP_WORDBREAKS == *:* ]] && behind=${behind##*:}
    local kept=${typed%"$behind"} line
    COMPREPLY=()
    for line in "${answer[@]}"; do
        word=$option${line%%$'\t'*}
        word=${word#"$kept"}
        # A second tab only shows what there is, so that there is room for what each is for.
        if ((COMP_TYPE == 63 && ${#answer[@]} > 1)) && [[ $line == *$'\t'* ]]; then
            COMPREPLY+=("$(printf '%-24s  (%s)' "$word" "${line#*$'\t'}")")
        else
            COMPREPLY+=("$word")
        fi
    done

    ((directive & 2)) && compopt -o nospace
    if ((${#COMPREPLY[@]} == 0 && directive & 16)); then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$behind")
    elif ((directive & 4)); then
        compopt +o default +o bashdefault
    fi
}

complete -o bashdefault -o default -F _rpod rpod
