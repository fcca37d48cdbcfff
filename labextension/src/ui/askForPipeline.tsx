import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { INewPipeline } from '../model/newPipeline';
import type { IModel } from '../model/types';

/** What the engine takes as a pipeline's name. */
const NAME = '[a-z0-9]([a-z0-9\\-]*[a-z0-9])?';
const MOST_LETTERS = 63;

/** Whether a name is a pipeline's already. */
type IsTaken = (name: string) => Promise<boolean>;

/** Ask what a new pipeline is called and made of; null where it is not to be made. */
export async function askForPipeline(
  trans: TranslationBundle,
  models: readonly IModel[],
  start: INewPipeline,
  isTaken: IsTaken
): Promise<INewPipeline | null> {
  const body = new PipelineForm(trans, models, start, isTaken);
  const { button, value } = await showDialog({
    title: trans.__('New pipeline'),
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Create') })
    ],
    focusNodeSelector: 'input'
  });
  return button.accept ? value : null;
}

class PipelineForm extends ReactWidget implements Dialog.IBodyWidget<INewPipeline> {
  constructor(
    private readonly trans: TranslationBundle,
    private readonly models: readonly IModel[],
    private value: INewPipeline,
    private readonly isTaken: IsTaken
  ) {
    super();
  }

  getValue(): INewPipeline {
    return this.value;
  }

  override render(): React.JSX.Element {
    const { trans, models, value, isTaken } = this;
    return (
      <Fields
        trans={trans}
        models={models}
        start={value}
        isTaken={isTaken}
        onChange={changed => (this.value = changed)}
      />
    );
  }
}

interface IFieldsProps {
  trans: TranslationBundle;
  models: readonly IModel[];
  start: INewPipeline;
  isTaken: IsTaken;
  onChange: (value: INewPipeline) => void;
}

function Fields({ trans, models, start, isTaken, onChange }: IFieldsProps): React.JSX.Element {
  const [value, setValue] = React.useState(start);
  const input = React.useRef<HTMLInputElement>(null);
  const [hint, order] = [React.useId(), React.useId()];
  const taken = useTaken(input, value.name, isTaken);
  const change = (part: Partial<INewPipeline>): void => {
    const changed = { ...value, ...part };
    setValue(changed);
    onChange(changed);
  };
  const steps = value.models;
  return (
    <div className="jp-Edge-form">
      <label>
        {trans.__('Name')}
        <input
          ref={input}
          className="jp-mod-styled"
          required={true}
          pattern={NAME}
          maxLength={MOST_LETTERS}
          aria-describedby={hint}
          aria-invalid={taken}
          value={value.name}
          onChange={event => change({ name: event.target.value })}
        />
      </label>
      <p id={hint} className={taken ? 'jp-mod-taken' : ''} aria-live="polite">
        {taken
          ? trans.__('A pipeline “%1” is there already: use another name', value.name)
          : trans.__('Lower-case letters and digits, with “-” between them')}
      </p>
      <span id={order}>{trans.__('Steps, in the order in which they run')}</span>
      <ol aria-labelledby={order}>
        {steps.map((id, index) => (
          <Step
            key={index}
            trans={trans}
            models={models}
            number={index + 1}
            chosen={id}
            onChoose={model => change({ models: steps.map((old, place) => (place === index ? model : old)) })}
            onRemove={
              steps.length > 1 ? () => change({ models: steps.filter((_, place) => place !== index) }) : null
            }
          />
        ))}
      </ol>
      <button
        type="button"
        className="jp-Edge-next"
        onClick={() => change({ models: [...steps, ...steps.slice(-1)] })}
      >
        {trans.__('Add Step')}
      </button>
    </div>
  );
}

/** Whether the name in a box is taken; the dialog does not let it pass while it is, nor before that is known. */
function useTaken(box: React.RefObject<HTMLInputElement>, name: string, isTaken: IsTaken): boolean {
  const [taken, setTaken] = React.useState<string | null>(null);
  React.useEffect(() => {
    const judge = (complaint: string): void => {
      box.current?.setCustomValidity(complaint);
      box.current?.dispatchEvent(new Event('input', { bubbles: true })); // what the dialog looks at validity for
    };
    let isLatest = true;
    const answered = (found: boolean): void => {
      if (isLatest) {
        setTaken(found ? name : null);
        judge(found ? 'taken' : '');
      }
    };
    judge(name && 'unknown');
    if (name) {
      isTaken(name).then(answered, () => answered(false)); // the engine has the last word
    }
    return () => {
      isLatest = false;
    };
  }, [box, name, isTaken]);
  return taken === name;
}

interface IStepProps extends Pick<IFieldsProps, 'trans' | 'models'> {
  number: number;
  chosen: number;
  onChoose: (model: number) => void;
  onRemove: (() => void) | null;
}

function Step({ trans, models, number, chosen, onChoose, onRemove }: IStepProps): React.JSX.Element {
  const remove = trans.__('Remove step %1', number);
  return (
    <li>
      <select
        aria-label={trans.__('Model of step %1', number)}
        value={chosen}
        onChange={event => onChoose(Number(event.target.value))}
      >
        {models.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      {onRemove && (
        <button
          type="button"
          className="jp-Edge-button"
          title={remove}
          aria-label={remove}
          onClick={onRemove}
        >
          <closeIcon.react tag="span" />
        </button>
      )}
    </li>
  );
}
