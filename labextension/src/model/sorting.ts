/** What rows are sorted by; `null` comes last, whichever way. */
export type SortValue = string | number | null;

export interface ISorting {
  column: string;
  isDescending: boolean;
}

/** Return rows in the order of what each is worth; rows alike stay as they were. */
export function sorted<T>(
  rows: readonly T[],
  worth: (row: T) => SortValue,
  isDescending: boolean
): readonly T[] {
  const sign = isDescending ? -1 : 1;
  const keyed = rows.map(row => ({ row, value: worth(row) }));
  keyed.sort(({ value: one }, { value: other }) => {
    if (one === null || other === null) {
      return Number(one === null) - Number(other === null);
    }
    return sign * compare(one, other);
  });
  return keyed.map(({ row }) => row);
}

const NAMES = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function compare(one: string | number, other: string | number): number {
  return typeof one === 'number' && typeof other === 'number'
    ? one - other
    : NAMES.compare(String(one), String(other));
}

/** Sorting by a column that was chosen: the other way round where it was chosen already. */
export function chosen(before: ISorting, column: string): ISorting {
  return { column, isDescending: before.column === column && !before.isDescending };
}
