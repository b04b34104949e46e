/** Labels of stacks, by which grants reach them. They are of the name: a stack that goes and comes again has them still. */
export const stackLabels = `
CREATE TABLE stack_labels (
  stack TEXT NOT NULL,
  label TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (stack, label)
) STRICT, WITHOUT ROWID;
`
