/** What came to the services of a stack while a deployment was carried out, as JSON. */
export const deploymentTraffic = `
ALTER TABLE deployments ADD COLUMN traffic TEXT;
`
