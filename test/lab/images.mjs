// The lab's images, made of this machine's own Node and busybox: the Engine needs no registry.
//   ek-lab/app:1, ek-lab/app:2   a small HTTP application (images/server.mjs says what it can do)
//   ek-lab/sleep:1               is there, and stops when asked (images/sleep.sh)
//   ek-lab/chatty:1              writes log lines (images/chatty.sh)
//   ek-lab/job:1                 works, then exits (images/job.sh)
// All have busybox's commands; `wget` and `nc` probe health; names resolve through libc in ek-lab/app.
import { readFileSync } from 'node:fs'
import { makeArchive, makeLayer, sha256 } from './archive.mjs'
import { busybox, nodeEntries } from './binaries.mjs'
import { engineCall, engineJson } from './engine-call.mjs'

export const labImages = ['ek-lab/app:1', 'ek-lab/app:2', 'ek-lab/sleep:1', 'ek-lab/chatty:1', 'ek-lab/job:1']

const versionLabel = 'ek-lab.version'
const source = (file) => readFileSync(new URL(`./images/${file}`, import.meta.url))
const sources = ['server.mjs', 'sleep.sh', 'chatty.sh', 'job.sh', 'is-ready.sh', 'curl.sh']
/** Raise it when the recipe below changes in what it makes. */
const recipe = 3

/** Makes the lab's images on the Engine at `engineUrl`, unless they are there as this code would make them. */
export async function ensureImages(engineUrl, { log = () => {} } = {}) {
  const version = sha256(
    [recipe, process.version, process.arch, ...sources.map((file) => sha256(source(file)))].join(),
  ).slice(0, 16)
  if (await areThere(engineUrl, version)) return labImages
  const architecture = { x64: 'amd64' }[process.arch] ?? process.arch
  const { Arch } = await engineJson(engineUrl, 'GET', '/version')
  if (Arch !== architecture)
    throw new Error(
      `The lab's images carry this machine's programs (${architecture}); the Engine's machine is ${Arch}.`,
    )
  log(`making the images ${labImages.join(', ')}`)
  const archive = makeArchive(await composeImages(version), { architecture })
  const { text } = await engineCall(engineUrl, 'POST', '/images/load?quiet=1', { body: archive, timeoutMs: 300_000 })
  const problem = text.split('\n').find((line) => line.includes('"error"')) // said in the stream, under status 200
  if (problem) throw new Error(`The Engine did not take the lab's images: ${problem}`)
  // What these replace has lost its name and would only take room.
  const replaced = encodeURIComponent(JSON.stringify({ dangling: ['true'], label: [versionLabel] }))
  await engineCall(engineUrl, 'POST', `/images/prune?filters=${replaced}`)
  return labImages
}

async function areThere(engineUrl, version) {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${versionLabel}=${version}`] }))
  const found = await engineJson(engineUrl, 'GET', `/images/json?filters=${filters}`)
  const tags = new Set(found.flatMap((image) => image.RepoTags ?? []))
  return labImages.every((tag) => tags.has(tag))
}

async function composeImages(version) {
  const { entries, applets } = await busybox()
  const script = (path, file) => ({ path, content: source(file), mode: 0o755 })
  const standIns = [
    'pg_isready',
    'redis-cli',
    'valkey-cli',
    'mysqladmin',
    'mariadb-admin',
    'rabbitmq-diagnostics',
    'is-ready',
  ]
  const base = await makeLayer('base', [
    ...entries,
    ...applets.filter((applet) => applet !== 'busybox').map((applet) => ({ path: `/bin/${applet}`, link: 'busybox' })),
    { path: '/usr/bin/env', link: '/bin/busybox' },
    {
      path: '/etc/passwd',
      content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
    },
    { path: '/etc/group', content: 'root:x:0:\napp:x:1000:\nnogroup:x:65534:\n' },
    { path: '/etc/nsswitch.conf', content: 'hosts: files dns\n' },
    { path: '/root', mode: 0o700 },
    { path: '/tmp', mode: 0o1777 },
    { path: '/var/tmp', mode: 0o1777 },
    { path: '/run', mode: 0o755 },
    ...standIns.map((name) => script(`/usr/local/bin/${name}`, 'is-ready.sh')),
    script('/usr/local/bin/curl', 'curl.sh'),
    ...['sleep', 'chatty', 'job'].map((name) => script(`/lab/${name}.sh`, `${name}.sh`)),
  ])
  const node = await makeLayer('node', await nodeEntries())
  const app = await makeLayer('app', [{ path: '/app/server.mjs', content: source('server.mjs') }])
  const image = (tag, layers, entrypoint, more) => ({
    tag,
    layers,
    config: {
      Env: [
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        `LAB_IMAGE_VERSION=${tag.split(':')[1]}`,
      ],
      Entrypoint: entrypoint,
      WorkingDir: '/',
      Labels: { [versionLabel]: version },
      ...more,
    },
  })
  const server = ['/usr/bin/node', '--max-old-space-size=64', '/app/server.mjs']
  const port = { ExposedPorts: { '8080/tcp': {} } }
  return [
    image('ek-lab/app:1', [base, node, app], server, port),
    image('ek-lab/app:2', [base, node, app], server, port),
    image('ek-lab/sleep:1', [base], ['/lab/sleep.sh']),
    image('ek-lab/chatty:1', [base], ['/lab/chatty.sh']),
    image('ek-lab/job:1', [base], ['/lab/job.sh']),
  ]
}
