// A photo drawn on the spot: a bicycle in front of a wall.

/** Return a PNG file of 640 × 420 pixels. */
export async function drawnPhoto() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 420 });
  const pen = canvas.getContext("2d");
  const sky = pen.createLinearGradient(0, 0, 0, 300);
  sky.addColorStop(0, "#9ec5e8");
  sky.addColorStop(1, "#e9f1f7");
  pen.fillStyle = sky;
  pen.fillRect(0, 0, 640, 420);
  pen.fillStyle = "#b9a58c";
  pen.fillRect(0, 150, 640, 170);
  pen.fillStyle = "#8d8f92";
  pen.fillRect(0, 320, 640, 100);
  pen.lineWidth = 9;
  pen.lineCap = "round";
  pen.strokeStyle = "#26282b";
  for (const x of [200, 440]) {
    pen.beginPath();
    pen.arc(x, 290, 78, 0, 2 * Math.PI);
    pen.stroke();
  }
  pen.strokeStyle = "#c0392b";
  pen.beginPath();
  for (const [x, y] of [[200, 290], [260, 180], [400, 180], [310, 290], [200, 290]]) pen.lineTo(x, y);
  pen.moveTo(310, 290);
  pen.lineTo(245, 150);
  pen.moveTo(440, 290);
  pen.lineTo(392, 140);
  pen.stroke();
  pen.strokeStyle = "#26282b";
  pen.beginPath();
  pen.moveTo(218, 148);
  pen.lineTo(272, 148);
  pen.moveTo(392, 140);
  pen.lineTo(430, 128);
  pen.stroke();
  const blob = await new Promise((done) => { canvas.toBlob(done, "image/png"); });
  return new File([blob], "bicycle.png", { type: "image/png" });
}
