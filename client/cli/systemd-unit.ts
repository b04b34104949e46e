/** The daemon as a service of systemd. Pure: the text of its unit. */

export const UNIT = 'evenkeeld.service'
export const UNIT_PATH = `/etc/systemd/system/${UNIT}`
/** Writes the files of secrets before the Engine starts containers that mount them. */
export const SECRETS_UNIT = 'evenkeel-secrets.service'
export const SECRETS_UNIT_PATH = `/etc/systemd/system/${SECRETS_UNIT}`

/** By this a unit is known as ours, to be overwritten and removed. */
export const MARK = '# Written by `evenkeel system install`; `evenkeel system uninstall` removes it.'

export interface UnitParts {
  /** Paths of `evenkeeld` and of the folder of the `node` that it is to run with. */
  readonly daemon: string
  readonly nodeFolder: string
  readonly socketGroup: string | undefined
}

/**
 * Stacks go on while the daemon is away, so that it may be restarted at any time. NotifyAccess=all, because systemd-notify
 * speaks for it. Hardened where a daemon that reaches the Engine over a socket needs nothing: no MemoryDenyWriteExecute,
 * which ends V8; /home only for reading, where the installation may be; /usr, /boot and /etc not for writing.
 */
export function unitText({ daemon, nodeFolder, socketGroup }: UnitParts): string {
  const words = [daemon, ...(socketGroup === undefined ? [] : ['--socket-group', socketGroup])]
  return `${MARK}
# Settings of your own: systemctl edit ${UNIT}, or EVENKEEL_* in /etc/default/evenkeeld.
[Unit]
Description=Evenkeel: keeps container stacks as declared
After=network-online.target docker.service
Wants=network-online.target docker.service

[Service]
Type=notify
NotifyAccess=all
Environment=${quoted(`PATH=${pathOf(nodeFolder)}`)}
EnvironmentFile=-/etc/default/evenkeeld
ExecStart=${words.map((word) => quoted(word.replaceAll('$', '$$$$'))).join(' ')}
Restart=always
RestartSec=2
TimeoutStartSec=60
TimeoutStopSec=15
StateDirectory=evenkeel
StateDirectoryMode=0700
RuntimeDirectory=evenkeel
RuntimeDirectoryMode=0755
UMask=0077
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`
}

const pathOf = (nodeFolder: string): string =>
  [...new Set([nodeFolder, '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'])].join(':')

/**
 * Memory is empty after a boot, and the Engine starts containers before the daemon is there. It runs once and holds nothing
 * up where it fails: the daemon writes what is missing when it comes.
 */
export function secretsUnitText({ daemon, nodeFolder }: UnitParts): string {
  return `${MARK}
[Unit]
Description=Evenkeel: files of secrets for containers
DefaultDependencies=no
RequiresMountsFor=/var/lib/evenkeel /run
After=local-fs.target
Before=docker.service containerd.service ${UNIT} shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=${quoted(`PATH=${pathOf(nodeFolder)}`)}
EnvironmentFile=-/etc/default/evenkeeld
ExecStart=${quoted(daemon.replaceAll('$', '$$$$'))} --fill-secrets
UMask=0077

[Install]
WantedBy=multi-user.target
`
}

/** One word to systemd, whatever it holds (systemd.syntax(7)): \`%\` begins a specifier there, and \`\\\` an escape. */
function quoted(word: string): string {
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`
}
