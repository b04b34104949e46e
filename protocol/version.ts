/** Version of the API: grows with each addition that a client may need to know of. */
export const API_VERSION = '1.0'
