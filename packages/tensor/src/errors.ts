/** Everything heed throws on purpose. The message says who, what is wrong with which shape, and what would be right. */
export class HeedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}
/** Sizes that don't fit together. */
export class ShapeError extends HeedError {}
/** A dtype that an operation can't take. */
export class DTypeError extends HeedError {}
/** An axis out of range, or given twice. */
export class AxisError extends HeedError {}
/** A value out of its range, or of the wrong kind. */
export class ValueError extends HeedError {}
/** A backend that isn't there, or can't do what was asked. */
export class BackendError extends HeedError {}
/** A file that isn't what its format says. */
export class FormatError extends HeedError {}
/** Memory that can't be had. */
export class OutOfMemoryError extends HeedError {}
/** A device that went away. */
export class DeviceLostError extends HeedError {}
