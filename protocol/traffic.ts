/** For how long traffic can wait in the ingress, at most: clients give up sooner or later. */
export const LONGEST_PAUSE_SECONDS = 600

/** How long the containers of before are kept after a blue-green switch, where nobody says how long. */
export const KEEP_SECONDS = 600
export const LONGEST_KEEP_SECONDS = 7 * 86_400
