// Replicates one hypercore of 100,000 blocks of 500 bytes over one stream on loopback,
// from one corestore on disk to another, and prints how many blocks a second arrived.
// Both ends run in this process, with hypercore's own settings: it syncs no block.
// node yardstick.mjs DIR [BLOCKS]
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import Corestore from 'corestore'

const [dir, blocks = '100000'] = process.argv.slice(2)
const n = Number(blocks)

const from = new Corestore(join(dir, 'from'))
const a = from.get({ name: 'cordon' })
await a.ready()
for (let i = 0; i < n; i += 1000) {
  await a.append(Array.from({ length: Math.min(1000, n - i) }, () => randomBytes(500)))
}

const to = new Corestore(join(dir, 'to'))
const b = to.get({ key: a.key })
await b.ready()

const server = net.createServer((socket) => pipe(socket, from.replicate(false)))
server.listen(0, '127.0.0.1')
await once(server, 'listening')

const begin = process.hrtime.bigint()
const socket = net.connect(server.address().port, '127.0.0.1')
pipe(socket, to.replicate(true))
await b.update({ wait: true })
await b.download({ start: 0, end: n }).done()
const seconds = Number(process.hrtime.bigint() - begin) / 1e9
if (b.contiguousLength !== n) throw new Error(`${b.contiguousLength} of ${n} blocks came`)
console.log(JSON.stringify({ blocks: n, seconds }))
process.exit(0)

function pipe (socket, stream) {
  socket.on('error', () => {})
  stream.on('error', () => {})
  socket.pipe(stream).pipe(socket)
}
