/** Immutable, numbered snapshots of a stack's model, and the images that each was pinned to. */
import type { ImagePin, Source } from '../../protocol/resources/revision.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { Sql } from './database.ts'

/**
 * Where the bytes of a config or secret are: a digest into the folder of files, never the value itself. Of a bundle, whose
 * name is the path that the model binds: into that of bundles.
 */
export interface FileRef {
  readonly kind: 'config' | 'secret' | 'bundle'
  readonly name: string
  readonly digest: string
  readonly delivery: 'file' | 'inline' | 'folder'
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
}

export interface RevisionRow {
  readonly stack: string
  readonly number: number
  readonly createdAt: string
  readonly author: string
  readonly note: string | undefined
  readonly source: Source
  /** Digest of model and files: the same twice is no new revision. */
  readonly digest: string
  readonly model: Model
  readonly files: readonly FileRef[]
  /** Uploaded build contexts, by the keys of protocol/build.ts. */
  readonly contexts: Readonly<Record<string, string>>
}

export interface PinnedImage {
  /** As the files have them. */
  readonly references: ReadonlySet<string>
  readonly revisions: { readonly stack: string; readonly revision: number }[]
}

export class RevisionRepository {
  readonly #sql: Sql
  /** Revisions never change, so that what was parsed once serves each further plan. Bounded: a few per stack. */
  readonly #parsed = new Map<string, RevisionRow>()

  constructor(sql: Sql) {
    this.#sql = sql
  }

  add(row: RevisionRow): void {
    this.#sql
      .prepare(
        `INSERT INTO revisions (stack, number, created_at, author, note, source, digest, model, files, contexts)
         VALUES (@stack, @number, @createdAt, @author, @note, @source, @digest, @model, @files, @contexts)`,
      )
      .run({
        ...row,
        note: row.note ?? null,
        source: JSON.stringify(row.source),
        model: JSON.stringify(row.model),
        files: JSON.stringify(row.files),
        contexts: JSON.stringify(row.contexts),
      })
  }

  find(stack: string, number: number): RevisionRow | undefined {
    const key = `${stack} ${number}`
    const known = this.#parsed.get(key)
    if (known !== undefined) return known
    const row = this.#sql.prepare('SELECT * FROM revisions WHERE stack = ? AND number = ?').get(stack, number)
    if (row === undefined) return undefined
    const revision = toRevision(row)
    if (this.#parsed.size >= PARSED_LIMIT) this.#parsed.delete(this.#parsed.keys().next().value!)
    this.#parsed.set(key, revision)
    return revision
  }

  latestNumber(stack: string): number {
    const row = this.#sql.prepare('SELECT MAX(number) AS latest FROM revisions WHERE stack = ?').get(stack)
    return (row as { latest: number | null }).latest ?? 0
  }

  /** Newest first. */
  list(stack: string, limit: number): RevisionRow[] {
    return this.#sql
      .prepare('SELECT * FROM revisions WHERE stack = ? ORDER BY number DESC LIMIT ?')
      .all(stack, limit)
      .map(toRevision)
  }

  /** Ids of all uploaded build contexts that a revision names. */
  contexts(): Set<string> {
    const rows = this.#sql.prepare(`SELECT DISTINCT contexts FROM revisions WHERE contexts <> '{}'`).all()
    return new Set(rows.flatMap((row) => Object.values(JSON.parse((row as { contexts: string }).contexts) as object)))
  }

  /** Ids of all bundles that a revision names. */
  bundles(): Set<string> {
    const rows = this.#sql.prepare(`SELECT DISTINCT files FROM revisions WHERE files LIKE '%"bundle"%'`).all()
    const files = rows.flatMap((row) => JSON.parse((row as { files: string }).files) as FileRef[])
    return new Set(files.filter(({ kind }) => kind === 'bundle').map(({ digest }) => digest))
  }

  pins(stack: string, revision: number): ImagePin[] {
    return this.#sql
      .prepare('SELECT service, reference, image_id AS imageId FROM revision_images WHERE stack = ? AND revision = ?')
      .all(stack, revision) as ImagePin[]
  }

  /** Ids of images that revisions of other stacks are pinned to. */
  imagesOfOthers(stack: string): string[] {
    return this.#sql
      .prepare('SELECT DISTINCT image_id FROM revision_images WHERE stack <> ?')
      .all(stack)
      .map((row) => (row as { image_id: string }).image_id)
  }

  /** All images that a revision is pinned to, by id: by which names, and the last such revision of each stack. */
  pinnedImages(): Map<string, PinnedImage> {
    const rows = this.#sql
      .prepare(
        `SELECT image_id AS id, reference, stack, MAX(revision) AS revision FROM revision_images
         GROUP BY image_id, reference, stack ORDER BY stack, revision DESC`,
      )
      .all() as { id: string; reference: string; stack: string; revision: number }[]
    const images = new Map<string, { references: Set<string>; revisions: PinnedImage['revisions'][number][] }>()
    for (const { id, reference, stack, revision } of rows) {
      const image = images.get(id) ?? { references: new Set(), revisions: [] }
      images.set(id, image)
      image.references.add(reference)
      if (!image.revisions.some((one) => one.stack === stack)) image.revisions.push({ stack, revision })
    }
    return images
  }

  /** Stacks that have a revision. */
  stacks(): string[] {
    return this.#sql
      .prepare('SELECT DISTINCT stack FROM revisions')
      .all()
      .map((row) => (row as { stack: string }).stack)
  }

  pin(stack: string, revision: number, pin: ImagePin): void {
    this.#sql
      .prepare(
        'INSERT OR REPLACE INTO revision_images (stack, revision, service, reference, image_id) VALUES (?, ?, ?, ?, ?)',
      )
      .run(stack, revision, pin.service, pin.reference, pin.imageId)
  }
}

const PARSED_LIMIT = 200

function toRevision(raw: unknown): RevisionRow {
  const row = raw as Record<string, string | number | null>
  return {
    stack: row.stack as string,
    number: row.number as number,
    createdAt: row.created_at as string,
    author: row.author as string,
    note: (row.note as string | null) ?? undefined,
    source: JSON.parse(row.source as string),
    digest: row.digest as string,
    model: JSON.parse(row.model as string),
    files: JSON.parse(row.files as string),
    contexts: JSON.parse(row.contexts as string),
  }
}
