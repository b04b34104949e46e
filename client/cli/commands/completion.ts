import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'

const INSTALL = {
  bash: 'source <(ek completion bash)      # in ~/.bashrc',
  zsh: 'source <(ek completion zsh)       # in ~/.zshrc, after compinit',
  fish: 'ek completion fish | source       # in ~/.config/fish/config.fish',
} as const

export default command({
  name: 'completion',
  positional: 'bash|zsh|fish',
  describe: `Print a script by which a shell completes commands, flags, and live names of stacks and services

${Object.values(INSTALL).join('\n')}`,
  options: {},
  async run(context, _, [shell, ...rest]) {
    if (shell === undefined || !(shell in INSTALL) || rest.length > 0) {
      throw new Problem('bad-request', `completion is for one of: ${Object.keys(INSTALL).join(', ')}`, {
        hint: INSTALL.bash,
      })
    }
    const { SCRIPTS } = await import('../completion/scripts.ts')
    await context.output.write(SCRIPTS[shell as keyof typeof INSTALL])
    return 0
  },
})
