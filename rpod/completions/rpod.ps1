# Completion of rpod for PowerShell. rpod itself is asked: `rpod __complete WORD...` answers with a line for each candidate, what it
# is behind a tab, and a last line `:SUM` (2: no space behind it, 4: no files, 16: directories).

Register-ArgumentCompleter -Native -CommandName rpod -ScriptBlock {
    param($typed, $ast, $position)
    $words = @($ast.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -le $position } | ForEach-Object { "$_" })
    if ($typed -eq '') { $words += '' }
    $answer = @(& rpod __complete @words 2>$null)
    if ($answer.Count -lt 2) { return }

    # The value of `--name=value` is answered alone.
    $option = if ($typed -match '^(-[^=]*=)') { $Matches[1] } else { '' }
    $ending = if ([int]$answer[-1].Substring(1) -band 2) { '' } else { ' ' }
    $answer[0..($answer.Count - 2)] | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new("$option$word$ending", $word, 'ParameterValue', $about)
    }
}
