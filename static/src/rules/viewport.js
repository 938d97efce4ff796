/** The class of a width in CSS pixels, as personalization/page.py has it: no more is told or asked. */
export const viewportOf = (width) => (width < 600 ? "narrow" : width < 1024 ? "medium" : "wide");
