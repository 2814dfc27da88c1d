// @ts-check
/**
 * What a panel is. Each file of `panels/` exports one constant `panel`; `app.js` has the list of views and their panels.
 *
 *     export const panel = {
 *       id: "events",                    // [a-z]+: its element is `panel-events`
 *       title: "Events",                 // the app draws it as the panel's <h2>; a panel starts with <h3>
 *       mount(element, context) {        // once, at the start, visible or not
 *         const draw = context.redraw(() => { ... });         // never draw outside of it
 *         const off = context.state.on("message", (message) => { remember(message); draw(); });
 *         return { end: off, open: (argument) => { ... } };   // both optional
 *       },
 *     };
 *
 * Rules. A panel keeps a bounded amount of data and of elements (say 60 pictures, 200 rows), whatever runs and however
 * long. It builds elements by `context.dom` alone, and never writes HTML, `javascript:` addresses or styles as text.
 * Its styles are in `panels/panels.css`, every selector below `#panel-ID`, colours from the custom properties of `style.css`.
 *
 * The dialog with everything about a trace is `detail(element, trace, context)`, exported by `panels/messages.js`: it fills
 * the element, and returns what ends it.
 */

/**
 * @typedef {object} Mounted
 * @property {() => void} [end] gives back what it holds: listeners, object URLs
 * @property {(argument: unknown) => void} [open] what `context.show(id, argument)` hands on
 */

/**
 * @typedef {object} Panel
 * @property {string} id
 * @property {string} title
 * @property {(element: HTMLElement, context: Context) => Mounted | void} mount
 */

/**
 * @typedef {object} Context
 * @property {import("./state.js").State} state what came over the stream, bounded; `on(type, listener)` tells of more
 * @property {import("./api.js").Api} api one method for each call of the page's API; errors are `ApiError`
 * @property {typeof import("./dom.js")} dom
 * @property {(draw: () => void) => () => void} redraw the function to call after a change: `draw` runs soon, at most ten
 *   times a second, and only while the panel can be seen (else once when it can be seen again)
 * @property {(trace: string) => void} openMessage opens the dialog about a trace
 * @property {(id: string, argument?: unknown) => void} show goes to a panel: `show("explain", message)`
 * @property {(text: string) => void} announce tells an outcome politely, on screen and to screen readers: sparingly
 */

export {};
