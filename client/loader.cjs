// Starts the bundled client with V8's code cache, where there is one of this very Node.
'use strict'
const { readFileSync, writeFileSync, writeSync } = require('node:fs')

// Scripts ask for the version, and nothing of the program is needed to say it: to read and run that takes half of what
// Node itself takes.
if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-v')) sayVersion()
else start()

function sayVersion() {
  try {
    writeSync(1, `evenkeel ${EVENKEEL_VERSION}\n`)
  } catch (error) {
    // As everywhere: a reader that went away ends us quietly.
    process.exitCode = error.code === 'EPIPE' ? 141 : 1
  }
}

function start() {
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
}
