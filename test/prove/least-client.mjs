// The least that a client on Node can do: the bytes of a file to or from a container, as the Engine's API has them, and
// nothing else. No options, no names looked up, no errors told.
//
//   node test/prove/least-client.mjs 'exec in'|'exec out'|'cp in'|'cp out' SOCKET CONTAINER [FILE]
import { closeSync, fstatSync, openSync, readSync, unlinkSync, writeSync, writevSync } from 'node:fs'
import { connect } from 'node:net'

const [kind, socketPath, container, file] = process.argv.slice(2)
const READ_BYTES = 1024 ** 2

const KINDS = {
  async 'exec in'() {
    const { socket, ended } = await exec(['sh', '-c', 'cat > /in'], () => {})
    await send(socket, 0)
    socket.end()
    await ended
  },
  async 'exec out'() {
    const header = Buffer.alloc(8)
    let headerBytes = 0
    let left = 0
    const { ended } = await exec(['cat', '/there'], (bytes) => {
      const pieces = []
      for (let at = 0; at < bytes.length; ) {
        if (left === 0) {
          const copied = bytes.copy(header, headerBytes, at, at + 8 - headerBytes)
          at += copied
          headerBytes = (headerBytes + copied) % 8
          if (headerBytes === 0) left = header.readUInt32BE(4)
          continue
        }
        const piece = bytes.subarray(at, at + left)
        pieces.push(piece)
        at += piece.length
        left -= piece.length
      }
      writevSync(1, pieces)
    })
    await ended
  },
  async 'cp in'() {
    const descriptor = openSync(file, 'r')
    const { size } = fstatSync(descriptor)
    const padding = (512 - (size % 512)) % 512
    const head = `PUT /containers/${container}/archive?path=/ HTTP/1.0\r\nhost: d\r\ncontent-type: application/x-tar\r\ncontent-length: ${512 + size + padding + 1024}\r\n\r\n`
    const { socket, ended } = open(head, () => {})
    socket.write(tarHeader('in', size))
    await send(socket, descriptor)
    socket.write(Buffer.alloc(padding + 1024))
    await ended
  },
  async 'cp out'() {
    unlinkSync(file)
    const descriptor = openSync(file, 'wx')
    let before = Buffer.alloc(0)
    let left
    const { ended } = open(`GET /containers/${container}/archive?path=/there HTTP/1.0\r\nhost: d\r\n\r\n`, (bytes) => {
      let data = bytes
      if (left === undefined) {
        before = Buffer.concat([before, bytes])
        const tar = before.indexOf('\r\n\r\n') + 4
        if (tar < 4 || before.length < tar + 512) return
        left = Number.parseInt(before.toString('latin1', tar + 124, tar + 135), 8)
        data = before.subarray(tar + 512)
      }
      data = data.subarray(0, left)
      left -= data.length
      for (let at = 0; at < data.length; ) at += writeSync(descriptor, data, at)
    })
    await ended
    closeSync(descriptor)
  },
}

/** One connection: `take` has bytes until it returns. */
function open(text, take) {
  let done
  const ended = new Promise((resolve) => {
    done = resolve
  })
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  const callback = (length) => {
    take(buffer.subarray(0, length))
    return true
  }
  const socket = connect({ path: socketPath, allowHalfOpen: true, onread: { buffer, callback } })
  socket.once('end', () => {
    socket.end()
    done()
  })
  socket.resume()
  socket.write(text)
  return { socket, ended }
}

const posted = (body) => `host: d\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`

async function exec(command, take) {
  const isIn = kind === 'exec in'
  const wanted = JSON.stringify({ Cmd: command, AttachStdin: isIn, AttachStdout: true, AttachStderr: true })
  let answer = ''
  await open(`POST /containers/${container}/exec HTTP/1.0\r\n${posted(wanted)}\r\n${wanted}`, (bytes) => {
    answer += bytes
  }).ended
  const { Id } = JSON.parse(answer.slice(answer.indexOf('{')))
  const body = '{"Tty":false}'
  let upgraded
  const begun = new Promise((resolve) => {
    upgraded = resolve
  })
  let head = ''
  const { socket, ended } = open(
    `POST /exec/${Id}/start HTTP/1.1\r\n${posted(body)}connection: upgrade\r\nupgrade: tcp\r\n\r\n${body}`,
    (bytes) => {
      if (head === undefined) {
        take(bytes)
        return
      }
      head += bytes.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const rest = Buffer.from(head.slice(end + 4), 'latin1')
      head = undefined
      upgraded()
      if (rest.length > 0) take(rest)
    },
  )
  await begun
  return { socket, ended }
}

/** The next piece is read while the last one goes. */
async function send(socket, descriptor) {
  const buffers = [Buffer.allocUnsafeSlow(READ_BYTES), Buffer.allocUnsafeSlow(READ_BYTES)]
  let going
  for (let turn = 0; ; turn = 1 - turn) {
    const length = readSync(descriptor, buffers[turn])
    await going
    if (length === 0) return
    going = new Promise((resolve) => socket.write(buffers[turn].subarray(0, length), resolve))
  }
}

function tarHeader(name, size) {
  const header = Buffer.alloc(512)
  header.write(name)
  header.write('0000644\0' + '0000000\0' + '0000000\0', 100)
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0' + '        0ustar\x0000', 136)
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  return header
}

await KINDS[kind]()
