/** What a stack is loaded from. */
import type { FileSource } from './source-files.ts'

export interface LoadOptions {
  /** Fill variables in. Without it the model is the tree as it stands, not checked for consistency. */
  readonly interpolate?: boolean
  /** Add implicit networks, dependencies and names. */
  readonly normalize?: boolean
  readonly resolvePaths?: boolean
  /** Read `env_file`. */
  readonly resolveEnvironment?: boolean
  /** Read `label_file`; as `resolveEnvironment` where it is not said. */
  readonly resolveLabels?: boolean
  readonly consistency?: boolean
  /** The file is the JSON of a model, where brackets nest as deep as the indentation of the file that it came from. */
  readonly isModel?: boolean
  /** List the variables that the files ask for. */
  readonly listVariables?: boolean
  /** Keep networks, volumes and the like that no service uses. */
  readonly allResources?: boolean
}

export interface LoadRequest {
  /** Absolute paths, `-` for standard input; the later ones on top. Empty: `COMPOSE_FILE`, else the usual names. */
  readonly files: readonly string[]
  /** Project directory. Default: the folder of the first file. */
  readonly workingDir?: string
  readonly projectName?: string
  /** Empty: those of `COMPOSE_PROFILES`. */
  readonly profiles: readonly string[]
  /** Files of variables instead of `.env`. */
  readonly envFiles?: readonly string[]
  /** Variables that win over those of any file. */
  readonly environment: Readonly<Record<string, string>>
  readonly source: FileSource
  readonly options?: LoadOptions
  /** Only these services and what they depend on; they need no profile. */
  readonly services?: readonly string[]
  /** For relative paths in `COMPOSE_FILE` and `COMPOSE_ENV_FILES`. Default: `PWD`. */
  readonly cwd?: string
}
