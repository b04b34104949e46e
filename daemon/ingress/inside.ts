/** Where the folder of the configuration, the sockets and the certificates is in the container. */
export const INSIDE = '/run/evenkeel'
