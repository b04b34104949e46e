import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { daemonProgram } from '../../installation.ts'
import { mustBeRootOnSystemd, ourUnit, systemctl } from '../../systemd.ts'
import { UNIT, UNIT_PATH, unitText } from '../../systemd-unit.ts'

export default command({
  name: 'system install',
  describe: 'Have systemd run the daemon, now and after each boot (as root)',
  options: {
    print: { type: 'boolean', describe: 'Only print the unit' },
    'socket-group': {
      type: 'string',
      describe: 'Group that may use the socket: its members control every container of the Engine',
      placeholder: 'GROUP',
    },
  },
  async run({ output }, values, words) {
    if (words.length > 0) throw new Problem('bad-request', 'this takes no words', { hint: 'see its --help' })
    const daemon = daemonProgram()
    const text = unitText({ daemon, nodeFolder: dirname(process.execPath), socketGroup: values['socket-group'] })
    if (values.print === true) {
      await output.write(text)
      return 0
    }
    mustBeRootOnSystemd(process.getuid?.())
    const before = ourUnit()
    writeFileSync(UNIT_PATH, text, { mode: 0o644 })
    output.line(
      before === undefined
        ? `Wrote ${UNIT_PATH}`
        : before === text
          ? `${UNIT_PATH} is as it was`
          : `Rewrote ${UNIT_PATH}`,
    )
    await systemctl('daemon-reload')
    await systemctl('enable', '--now', UNIT)
    if (before !== undefined && before !== text) await systemctl('restart', UNIT)
    output.line(`Enabled and started ${UNIT}: ${daemon}`)
    output.line('State: /var/lib/evenkeel. Socket: /run/evenkeel/evenkeel.sock. Log: journalctl -u evenkeeld')
    return 0
  },
})
