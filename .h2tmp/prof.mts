import { loadStack } from '/work/h2/protocol/stackfile/load.ts'
const n = 9000
const text = process.argv[2] === 'deps' ? 'services:\n' + Array.from({ length: n }, (_, at) => `  s${at}: {image: x, network_mode: none${at === 0 ? '' : `, depends_on: [s${at - 1}]`}}\n`).join('') : `x-a: [${'a,'.repeat(90_000)}]\nservices: {web: {image: x}}\n`
for (let i = 0; i < 6; i++) { const c = process.cpuUsage(); loadStack({ files: ['/p/c.yaml'], profiles: [], environment: {}, source: { read: (p) => p === '/p/c.yaml' ? text : undefined, isDirectory: () => false }, workingDir: '/p' }); console.log(((process.cpuUsage(c).user/1000)).toFixed(0)) }
