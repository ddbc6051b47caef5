/** What the page shows: plain data, put into it as JSON. */
export interface PageData {
  readonly title: string;
}
