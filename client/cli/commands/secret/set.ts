import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'
import { secretValue } from '../../secret-value.ts'

export default command({
  name: 'secret set',
  positional: 'NAME',
  describe: 'Give a stack a secret, or one that it has another value',
  options: {
    file: { type: 'string', alias: 'f', describe: 'Read the value from here [standard input]', placeholder: 'FILE' },
  },
  examples: [['pwgen 32 1 | evenkeel secret set db_password', 'for `secrets: {db_password: {external: true}}`']],
  async run(context, { file }, words) {
    const secret = oneWord(words, 'the name of the secret')
    const stack = await context.stackName()
    const base64 = secretValue(file)
    const answer = await context.api.call('putSecret', { stack, secret }, { base64 })
    const { version, usedBy, variableOf } = answer.secret
    context.output.line(secret)
    const inFiles = usedBy.filter((service) => !variableOf.includes(service))
    if (version > 1 && inFiles.length > 0)
      context.output.note(
        `${inFiles.join(', ')}: the new value is in their files; to have it read, restart them or use \`secret rotate\`.`,
      )
    if (version > 1 && variableOf.length > 0)
      context.output.note(
        `${variableOf.join(', ')}: it is a variable there, which only \`secret rotate\` or \`up --force-recreate\` changes.`,
      )
    return 0
  },
})
