/** For how long traffic can wait in the ingress, at most: clients give up sooner or later. */
export const LONGEST_PAUSE_SECONDS = 600
