/** The Engines to test against: `EVENKEEL_TEST_ENGINES`, comma-separated, else the one that Docker's own commands use. */
export function testEngines(): string[] {
  const { EVENKEEL_TEST_ENGINES, DOCKER_HOST } = process.env
  const addresses = EVENKEEL_TEST_ENGINES || DOCKER_HOST || 'unix:///var/run/docker.sock'
  return addresses
    .split(',')
    .map((address) => address.trim())
    .filter(Boolean)
}
