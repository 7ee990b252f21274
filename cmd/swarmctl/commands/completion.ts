// swarmctl completion: scripts that let a shell ask `swarmctl __complete` for candidates.
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';

const bash = `# bash completion for swarmctl. Load it with: source <(swarmctl completion bash)
_swarmctl() {
  local line="\${COMP_LINE:0:COMP_POINT}" words candidates
  read -ra words <<<"$line"
  [[ "$line" == *' ' ]] && words+=('')
  mapfile -t candidates < <(swarmctl __complete -- "\${words[@]:1}" 2>/dev/null)
  COMPREPLY=("\${candidates[@]%%$'\\t'*}")
  # Bash splits at = and :, so what stands before them is typed already.
  local last="\${words[-1]}" current="\${COMP_WORDS[COMP_CWORD]}"
  local prefix="\${last%"$current"}"
  [[ -n "$prefix" ]] && COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  [[ \${#COMPREPLY[@]} -eq 1 && "\${COMPREPLY[0]}" == */ ]] && compopt -o nospace
  return 0
}
complete -o default -F _swarmctl swarmctl
`;

const zsh = `#compdef swarmctl
# zsh completion for swarmctl. Load it with: source <(swarmctl completion zsh)
_swarmctl() {
  local -a candidates described
  candidates=("\${(@f)$(swarmctl __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  local candidate
  for candidate in $candidates; do
    described+=("\${\${candidate%%$'\\t'*}//:/\\\\:}:\${candidate#*$'\\t'}")
  done
  if (( \${#candidates} && \${#candidates[1]} )); then _describe swarmctl described; else _files; fi
}
(( $+functions[compdef] )) && compdef _swarmctl swarmctl
`;

const fish = `# fish completion for swarmctl. Load it with: swarmctl completion fish | source
function __swarmctl_complete
    set -l words (commandline -opc) (commandline -ct)
    swarmctl __complete -- $words[2..-1] 2>/dev/null
end
complete -c swarmctl -n 'count (__swarmctl_complete) >/dev/null' -f -a '(__swarmctl_complete)'
`;

const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };

export function configure(command: Command, context: CommandContext): void {
  command.argument('<shell>', Object.keys(scripts).join(', ')).action((shell: string) => {
    const script = scripts[shell];
    if (script === undefined) {
      throw usageError(
        `Cannot complete for shell "${shell}": must be one of ${Object.keys(scripts).join(', ')}`,
      );
    }
    context.stdout(script);
  });
}
