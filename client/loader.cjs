// Starts the bundled client with V8's code cache, where there is one of this very Node.
'use strict'
const { readFileSync, writeFileSync } = require('node:fs')
const { Script } = require('node:vm')

const file = `${__dirname}/client.cjs`
const cacheFile = `${__dirname}/client.cache`
// The bundle is ASCII: as latin1 it needs no decoding.
const source = readFileSync(file, 'latin1')
let cachedData
try {
  cachedData = readFileSync(cacheFile)
} catch {
  // Not built, or not readable: it is only slower.
}
const script = new Script(`(function(require,module,exports,__filename,__dirname){${source}\n})`, {
  filename: file,
  cachedData,
})
if (process.env.EVENKEEL_WRITE_CODE_CACHE === '1') {
  // What has run by then is in the cache as well.
  process.on('exit', () => writeFileSync(cacheFile, script.createCachedData()))
}
script.runInThisContext()(require, module, exports, file, __dirname)
