import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { daemonProgram } from '../../installation.ts'
import { mustBeRootOnSystemd, ourUnit, systemctl } from '../../systemd.ts'
import { SECRETS_UNIT, SECRETS_UNIT_PATH, secretsUnitText, UNIT, UNIT_PATH, unitText } from '../../systemd-unit.ts'

export default command({
  name: 'system install',
  describe: 'Have systemd run the daemon, now and after each boot (as root)',
  options: {
    print: { type: 'boolean', describe: 'Only print the units' },
    'socket-group': {
      type: 'string',
      describe: 'Group that may use the socket: its members control every container of the Engine',
      placeholder: 'GROUP',
    },
  },
  async run({ output }, values, words) {
    if (words.length > 0) throw new Problem('bad-request', 'this takes no words', { hint: 'see its --help' })
    const daemon = daemonProgram()
    const parts = { daemon, nodeFolder: dirname(process.execPath), socketGroup: values['socket-group'] }
    const text = unitText(parts)
    if (values.print === true) {
      await output.write(`# ${UNIT_PATH}\n${text}\n# ${SECRETS_UNIT_PATH}\n${secretsUnitText(parts)}`)
      return 0
    }
    mustBeRootOnSystemd(process.getuid?.())
    const before = ourUnit()
    ourUnit(SECRETS_UNIT_PATH)
    writeFileSync(UNIT_PATH, text, { mode: 0o644 })
    writeFileSync(SECRETS_UNIT_PATH, secretsUnitText(parts), { mode: 0o644 })
    output.line(
      before === undefined
        ? `Wrote ${UNIT_PATH}`
        : before === text
          ? `${UNIT_PATH} is as it was`
          : `Rewrote ${UNIT_PATH}`,
    )
    await systemctl('daemon-reload')
    // For the next boot: the daemon that is started now writes what is missing itself.
    await systemctl('enable', SECRETS_UNIT)
    await systemctl('enable', '--now', UNIT)
    if (before !== undefined && before !== text) await systemctl('restart', UNIT)
    output.line(`Enabled and started ${UNIT}: ${daemon}`)
    output.line('State: /var/lib/evenkeel. Socket: /run/evenkeel/evenkeel.sock. Log: journalctl -u evenkeeld')
    return 0
  },
})
