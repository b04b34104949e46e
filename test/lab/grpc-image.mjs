// The image ek-lab/grpc:1: a gRPC service, with the library that it stands on bundled.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { ensureNodeImage, nodeImage } from './node-image.mjs'

export const grpcImage = nodeImage('grpc')

/** Makes it on the Engine at `engineUrl`, unless it is there as this code would make it. */
export async function ensureGrpcImage(engineUrl) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./images/grpc.mjs', import.meta.url))],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // Parts of it ask for modules of Node with require.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    write: false,
  })
  return ensureNodeImage(engineUrl, 'grpc', Buffer.from(outputFiles[0].contents))
}
