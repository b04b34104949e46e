/** The release on whose networks the containers of a service are made; 0: on those of the file. */
export const releases = `
ALTER TABLE services ADD COLUMN release INTEGER NOT NULL DEFAULT 0;
`
