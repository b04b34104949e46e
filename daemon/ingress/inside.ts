/** Where the folder of the configuration and the sockets is in the container. */
export const INSIDE = '/run/evenkeel'
