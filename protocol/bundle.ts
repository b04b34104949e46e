/** What client and daemon agree on about the bound files of a remote stack: a tar of a folder, or of one file by this name. */
export const BUNDLED_FILE = 'file'
