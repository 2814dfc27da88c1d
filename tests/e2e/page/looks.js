// What a person could not read or not reach, as a list of texts. Run in the page by Visitor.unreadable.
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  /** Any CSS colour as [red, green, blue, alpha], over a colour below. */
  const over = (css, below) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = `rgb(${below.join(" ")})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const groundOf = (element) => {
    const chain = [];
    for (let one = element; one; one = one.parentElement) chain.unshift(getComputedStyle(one).backgroundColor);
    // In a picture what a text stands on is a shape of its own.
    const box = element.closest(".node")?.querySelector(".node-box");
    if (box) chain.push(getComputedStyle(box).fill);
    return chain.reduce((below, css) => over(css, below), [255, 255, 255]);
  };
  /** What of a colour is seen where the element, or what it is in, lets its ground shine through. */
  const faded = (colour, element, ground) => {
    let share = 1;
    for (let one = element; one; one = one.parentElement) share *= Number(getComputedStyle(one).opacity);
    return colour.map((value, at) => ground[at] + (value - ground[at]) * share);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const nameOf = (element) =>
    element.getAttribute("aria-label") ||
    [...(element.labels ?? [])].map((label) => label.textContent).join("") ||
    element.textContent ||
    element.title;

  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility() || element.closest("title, option, [disabled], noscript")) continue;
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const colour = over(element instanceof SVGElement ? style.fill : style.color, ground);
    const ratio = contrast(faded(colour, element, ground), ground);
    const points = parseFloat(style.fontSize) * 0.75;
    const large = points >= 18 || (points >= 14 && Number(style.fontWeight) >= 700);
    const text = node.textContent.trim().slice(0, 40);
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(1)} of "${text}" in ${element.className || element.tagName}`);
  }
  for (const element of document.querySelectorAll("input, select, textarea, button, a, [role=button]")) {
    if (element.checkVisibility() && !(nameOf(element) ?? "").trim()) found.push(`no name: ${element.outerHTML.slice(0, 120)}`);
  }
  for (const input of document.querySelectorAll("input[placeholder], textarea[placeholder]")) {
    if (!input.checkVisibility() || input.value || !input.placeholder) continue;
    const style = getComputedStyle(input, "::placeholder");
    const ground = groundOf(input);
    const colour = over(style.color, ground).map((value, at) => ground[at] + (value - ground[at]) * Number(style.opacity));
    const ratio = contrast(faded(colour, input, ground), ground);
    if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(1)} of the placeholder "${input.placeholder.slice(0, 40)}"`);
  }
  // A value of which three characters are seen is not seen.
  for (const input of document.querySelectorAll("input[type=text], textarea")) {
    if (input.checkVisibility() && input.clientWidth < 72) found.push(`narrow: ${input.clientWidth} pixels of ${nameOf(input)}`);
  }
  for (const text of document.querySelectorAll(".graph text")) {
    const size = parseFloat(getComputedStyle(text).fontSize) * (text.getScreenCTM()?.d || text.getScreenCTM()?.b || 0);
    if (text.checkVisibility() && text.textContent && Math.abs(size) < 10) found.push(`small: ${size.toFixed(1)} pixels of "${text.textContent}"`);
  }
  for (const image of document.images) if (!image.hasAttribute("alt")) found.push(`no alternative: ${image.className}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at))) found.push(`twice: #${id}`);
  if (document.documentElement.scrollWidth > innerWidth) found.push(`${document.documentElement.scrollWidth} pixels wide`);
  return found;
};
