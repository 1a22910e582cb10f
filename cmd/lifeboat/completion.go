package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// The shells ask lifeboat itself for what may come next, so that the scripts never age.
const (
	bashCompletion = `_lifeboat_complete() {
  local cur="${COMP_WORDS[COMP_CWORD]}" words=("${COMP_WORDS[@]:0:COMP_CWORD}") options
  if [[ "$cur" == -* ]]; then
    words+=("$cur")
  fi
  options=$("${words[@]}" --generate-bash-completion 2>/dev/null)
  COMPREPLY=($(compgen -W "$options" -- "$cur"))
}
complete -o bashdefault -o default -F _lifeboat_complete lifeboat
`
	zshCompletion = `#compdef lifeboat
_lifeboat() {
  local -a options
  if [[ "$words[CURRENT]" == -* ]]; then
    options=("${(@f)$("${(@)words[1,CURRENT]}" --generate-bash-completion 2>/dev/null)}")
  else
    options=("${(@f)$("${(@)words[1,CURRENT-1]}" --generate-bash-completion 2>/dev/null)}")
  fi
  if [[ -n "$options[1]" ]]; then
    _describe 'values' options
  else
    _files
  fi
}
compdef _lifeboat lifeboat
`
)

func completionCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print a script that completes commands and flags: bash, zsh or fish", ArgsUsage: "SHELL",
		Description: "bash: source <(lifeboat completion bash)\nzsh:  source <(lifeboat completion zsh)\nfish: lifeboat completion fish | source",
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return usagef("name one shell: lifeboat completion bash, zsh or fish")
			}
			return completion(e, c.App, c.Args().First())
		},
	}
}

func completion(e *env, app *cli.App, shell string) error {
	script := ""
	switch shell {
	case "bash":
		script = bashCompletion
	case "zsh":
		script = zshCompletion
	case "fish":
		text, err := app.ToFishCompletion()
		if err != nil {
			return fmt.Errorf("completion for fish: %w", err)
		}
		script = text
	default:
		return usagef("no completion for %q: bash, zsh and fish have one", shell)
	}
	_, err := fmt.Fprint(e.stdout, script)
	return err
}
