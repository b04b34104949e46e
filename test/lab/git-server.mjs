// A Git repository over HTTP, for builds whose context the Engine fetches: `git http-backend` behind a Node server.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { networkInterfaces, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * `commits`: by branch, the files of its one commit. Resolves with the port, the path of the repository in a URL, and the
 * addresses of this machine to try: an Engine in a namespace of its own does not know them all.
 *
 * @param {Record<string, Record<string, string>>} commits
 */
export async function startGitServer(commits) {
  const root = mkdtempSync(join(tmpdir(), 'ek-git-'))
  const work = join(root, 'work')
  const bare = join(root, 'repo.git')
  const git = (...args) =>
    execFileSync('git', ['-c', 'user.name=lab', '-c', 'user.email=lab@example', ...args], { cwd: work, stdio: 'pipe' })
  mkdirSync(work)
  git('init', '--quiet')
  for (const [branch, files] of Object.entries(commits)) {
    git('checkout', '--quiet', '--orphan', branch)
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(work, path)), { recursive: true })
      writeFileSync(join(work, path), text)
    }
    git('add', '--all')
    git('commit', '--quiet', '--message', branch)
    git('rm', '-r', '--quiet', '.')
  }
  execFileSync('git', ['clone', '--quiet', '--bare', work, bare])
  execFileSync('git', ['symbolic-ref', 'HEAD', `refs/heads/${Object.keys(commits)[0]}`], { cwd: bare })
  const server = createServer((request, response) => serve(root, request, response))
  await new Promise((resolve) => server.listen(0, '0.0.0.0', resolve))
  const addresses = Object.values(networkInterfaces())
    .flat()
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address)
  return {
    port: server.address().port,
    path: '/repo.git',
    bare,
    addresses,
    close: () => {
      server.closeAllConnections()
      server.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** As a web server runs a CGI program (RFC 3875). */
function serve(root, request, response) {
  const url = new URL(request.url, 'http://lab')
  const backend = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: request.headers['git-protocol'] ?? '',
      REMOTE_ADDR: request.socket.remoteAddress,
    },
  })
  backend.stdin.on('error', () => {}) // it has read what it wanted
  request.pipe(backend.stdin)
  let head = Buffer.alloc(0)
  const onHead = (chunk) => {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    backend.stdout.off('data', onHead)
    const headers = head
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => line.split(': '))
    const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200'
    for (const [name, value] of headers) if (name !== 'Status') response.setHeader(name, value)
    response.writeHead(Number.parseInt(status, 10))
    response.write(head.subarray(end + 4))
    backend.stdout.pipe(response)
  }
  backend.stdout.on('data', onHead)
  backend.once('close', () => response.end())
}
