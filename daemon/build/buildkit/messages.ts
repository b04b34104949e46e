/**
 * The messages that a build needs, by their numbers in BuildKit's own definitions (github.com/moby/buildkit: api/services/
 * control/control.proto, frontend/gateway/pb/gateway.proto, session/auth, session/secrets, session/sshforward; github.com/tonistiigi/fsutil: types/wire.proto, types/stat.proto).
 */
import { bytes, type Decoded, flag, long, many, message, number, one, text, textMap, texts } from './protobuf.ts'

/** Methods of the Engine's `POST /grpc`. */
export const CONTROL = {
  solve: '/moby.buildkit.v1.Control/Solve',
  status: '/moby.buildkit.v1.Control/Status',
  listWorkers: '/moby.buildkit.v1.Control/ListWorkers',
} as const

/** Methods of a build that is steered from here, on the same connection. They name it in {@link BUILD_ID}. */
export const BRIDGE = {
  ping: '/moby.buildkit.v1.frontend.LLBBridge/Ping',
  solve: '/moby.buildkit.v1.frontend.LLBBridge/Solve',
  return: '/moby.buildkit.v1.frontend.LLBBridge/Return',
} as const
export const BUILD_ID = 'buildkit-controlapi-buildid'

/** Methods that BuildKit calls on our session. */
export const SESSION = {
  health: '/grpc.health.v1.Health/Check',
  files: '/moby.filesync.v1.FileSync/DiffCopy',
  credentials: '/moby.filesync.v1.Auth/Credentials',
  secret: '/moby.buildkit.secrets.v1.Secrets/GetSecret',
  checkAgent: '/moby.sshforward.v1.SSH/CheckAgent',
  forwardAgent: '/moby.sshforward.v1.SSH/ForwardAgent',
} as const

export const CacheEntry = message({ Type: text(1), Attrs: textMap(2) })
const CacheOptions = message({ Exports: many(4, CacheEntry), Imports: many(5, CacheEntry) })

export const SolveRequest = message({
  Ref: text(1),
  /** Superseded by `Exporters` in BuildKit 0.13; older ones know only this. */
  Exporter: text(3),
  ExporterAttrs: textMap(4),
  Session: text(5),
  Frontend: text(6),
  FrontendAttrs: textMap(7),
  Cache: one(8, CacheOptions),
  Entitlements: texts(9),
  Exporters: many(13, CacheEntry),
})

export const SolveResponse = message({ ExporterResponse: textMap(1) })

export const BridgeSolveRequest = message({
  Frontend: text(2),
  FrontendOpt: textMap(3),
  /** The answer in its present form. */
  allowResultReturn: flag(5),
  allowResultArrayRef: flag(6),
})
const BridgeResult = message({ metadata: textMap(10) })
export const BridgeSolveResponse = message({ result: one(3, BridgeResult) })
export const BridgeReturnRequest = message({ result: one(1, BridgeResult) })

export const StatusRequest = message({ Ref: text(1) })

export const Timestamp = message({ seconds: number(1), nanos: number(2) })

const Vertex = message({
  digest: text(1),
  name: text(3),
  cached: flag(4),
  /** Times, as `Timestamp`. Empty: it has not come to that. */
  started: bytes(5),
  completed: bytes(6),
  error: text(7),
})

/** A part of what a vertex does, such as a transfer. `ID` says what it is. */
const VertexStatus = message({
  ID: text(1),
  vertex: text(2),
  current: number(4),
  total: number(5),
  started: bytes(7),
  completed: bytes(8),
})
const VertexLog = message({ vertex: text(1), timestamp: bytes(2), stream: number(3), msg: bytes(4) })
const VertexWarning = message({ vertex: text(1), short: bytes(3) })

export const StatusResponse = message({
  vertexes: many(1, Vertex),
  statuses: many(2, VertexStatus),
  logs: many(3, VertexLog),
  warnings: many(4, VertexWarning),
})
export type StatusResponse = Decoded<typeof StatusResponse>

const Worker = message({ ID: text(1), Labels: textMap(2) })
export const ListWorkersRequest = message({ filter: texts(1) })
export const ListWorkersResponse = message({ record: many(1, Worker) })

/** `modTime` is nanoseconds since 1970, `mode` Go's os.FileMode. */
const Stat = message({
  path: text(1),
  mode: number(2),
  uid: number(3),
  gid: number(4),
  size: number(5),
  modTime: long(6),
  linkname: text(7),
})

export const PacketType = { stat: 0, request: 1, data: 2, finish: 3, error: 4 } as const
export const Packet = message({ type: number(1), stat: one(2, Stat), ID: number(3), data: bytes(4) })

export const CredentialsRequest = message({ Host: text(1) })
export const CredentialsResponse = message({ Username: text(1), Secret: text(2) })

export const GetSecretRequest = message({ ID: text(1) })
export const GetSecretResponse = message({ data: bytes(1) })

export const CheckAgentRequest = message({ ID: text(1) })
export const BytesMessage = message({ data: bytes(1) })

export const HealthCheckResponse = message({ status: number(1) })
